"""The browser under a sub-path, through the real nginx with deploy/nginx.conf."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from chromi.db import database, open_database
from tests.e2e.conftest import OpenPage
from tests.e2e.test_end_to_end import download
from tests.support.page_helpers import block_analyses
from tests.support.reverse_proxies import run_proxy
from tests.support.running_service import Service, end_service, run_service
from tests.support.seeded_app import Finished, SeededApp
from tests.support.upload_page import choose_clip, record_requests, wait_for_upload

pytestmark = [pytest.mark.browser, pytest.mark.service]

PREFIX = "/chromi"
TIMEOUT_MS = 60_000


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[Service]:
    settings = {"trusted_proxy": "127.0.0.1", "trusted_hosts": "localhost", "url_prefix": PREFIX}
    service = run_service(tmp_path / "instance", settings, ("-m", "chromi", "web"))
    yield service
    end_service(service)


@pytest.fixture
def public_url(web_server: Service, tmp_path: Path) -> Iterator[str]:
    port = urlsplit(web_server.url).port
    assert port
    folder = tmp_path / "nginx"
    folder.mkdir()
    with run_proxy("nginx", folder, port, prefix=PREFIX, behind_cdn=False) as proxy:
        yield f"{proxy.url}/"


@pytest.fixture
def app(web_server: Service, plain_clip: Path, finished_files: Finished) -> Iterator[SeededApp]:
    open_database(web_server.instance)
    with database.connection_context():
        app = SeededApp(web_server, plain_clip, finished_files)
        app.start_heartbeat()
        yield app
        app.stop_heartbeat()
    database.close()


def test_clip_becomes_shared_background_under_sub_path(
    open_page: OpenPage, public_url: str, app: SeededApp, plain_clip: Path, tmp_path: Path
) -> None:
    page = open_page(ignore_https_errors=True)
    block_analyses(page)
    requests = record_requests(page)
    choose_clip(page, public_url, plain_clip)
    wait_for_upload(page)
    page.get_by_text("More options").click()
    page.get_by_label("Length (1 to 10 sec)").fill("1")
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url(f"{public_url}jobs/*/")
    app.finish_conversion(page.url)
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=TIMEOUT_MS)
    gif = download(page, tmp_path).read_bytes()
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link 1", exact=True).input_value()
    assert link.startswith(f"{public_url}download/")
    page.goto(link)
    assert download(page, tmp_path).read_bytes() == gif
    assert {each.url for each in requests if not each.url.startswith(("blob:", public_url))} == set()

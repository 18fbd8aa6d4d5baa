"""The browser under a sub-path, through the real nginx with deploy/nginx.conf."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenPage
from tests.e2e.test_end_to_end import download
from tests.support.reverse_proxies import run_proxy
from tests.support.running_service import end_service, run_service
from tests.support.upload_page import choose_clip, record_requests, wait_for_upload

pytestmark = [pytest.mark.browser, pytest.mark.service]

PREFIX = "/chromi"
TIMEOUT_MS = 60_000


@pytest.fixture
def public_url(tmp_path: Path) -> Iterator[str]:
    settings = {"trusted_proxy": "127.0.0.1", "trusted_hosts": "localhost", "url_prefix": PREFIX}
    service = run_service(tmp_path / "instance", settings)
    port = urlsplit(service.url).port
    assert port
    folder = tmp_path / "nginx"
    folder.mkdir()
    with run_proxy("nginx", folder, port, prefix=PREFIX, behind_cdn=False) as proxy:
        yield f"{proxy.url}/"
    end_service(service)


def test_clip_becomes_shared_background_under_sub_path(
    open_page: OpenPage, public_url: str, plain_clip: Path, tmp_path: Path
) -> None:
    page = open_page(ignore_https_errors=True)
    requests = record_requests(page)
    choose_clip(page, public_url, plain_clip)
    wait_for_upload(page)
    page.get_by_text("More options").click()
    page.get_by_label("Length (1 to 10 sec)").fill("1")
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url(f"{public_url}jobs/*/")
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=TIMEOUT_MS)
    gif = download(page, tmp_path).read_bytes()
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link 1", exact=True).input_value()
    assert link.startswith(f"{public_url}download/")
    page.goto(link)
    assert download(page, tmp_path).read_bytes() == gif
    assert {each.url for each in requests if not each.url.startswith(("blob:", public_url))} == set()

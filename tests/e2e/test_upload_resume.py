"""Uploads that are interrupted and resumed."""

import math
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LARGE_CLIP_BYTES, expect_console_errors
from tests.support.flaky_proxy import FlakyProxy
from tests.support.running_service import Service
from tests.support.seeded_app import SeededApp
from tests.support.upload_page import (
    SLOW_BYTES_PER_S,
    chunk_offsets,
    record_requests,
    sha256,
    upload_part,
    upload_progress,
    uploaded_file,
    wait_for_two_failures,
    wait_for_upload,
)
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

WEB = ("-m", "chromi", "web")

StartService = Callable[..., Service]


@pytest.fixture
def start_service(start_service: StartService, page: Page) -> Iterator[StartService]:
    yield start_service
    page.goto("about:blank")  # pending requests end before the service does


def test_twice_interrupted_upload_is_complete(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, large_clip: Path, console_errors: list[str]
) -> None:
    requests = record_requests(page)
    upload_part(page, proxy, large_clip, 0.3)
    proxy.reset_connections()
    proxy.max_bytes = 0.6 * LARGE_CLIP_BYTES
    wait_for(lambda: proxy.sent_bytes >= proxy.max_bytes, "a second part")
    proxy.reset_connections()
    proxy.max_bytes = math.inf
    wait_for_upload(page)
    assert sha256(uploaded_file(seeded_app.service, page)) == sha256(large_clip)
    offsets = chunk_offsets(requests)
    assert offsets == sorted(offsets), "no chunk was sent from an earlier offset"
    posts = [sent.url for sent in requests if sent.method == "POST"]
    assert len([url for url in posts if url.endswith("/uploads/resumable/")]) == 1
    assert proxy.sent_bytes < 1.5 * LARGE_CLIP_BYTES, "only the interrupted chunks were sent twice"
    console_errors.clear()


def test_lost_connection_is_shown_and_retried(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, large_clip: Path, console_errors: list[str]
) -> None:
    upload_part(page, proxy, large_clip, 0.25)
    proxy.disconnect()
    progress = upload_progress(page)
    expect(progress.get_by_text("Connection lost. Trying again…")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Connection lost. Trying again…")
    wait_for_two_failures(page)
    proxy.max_bytes = 0.5 * LARGE_CLIP_BYTES
    proxy.reconnect()
    page.get_by_role("button", name="Try again now").click()
    expect(progress.get_by_text("Uploading your video")).to_be_visible()
    expect(progress).to_be_focused()
    proxy.max_bytes = math.inf
    wait_for_upload(page)
    assert sha256(uploaded_file(seeded_app.service, page)) == sha256(large_clip)
    expect_console_errors(console_errors, "Failed to load resource")


def test_upload_resumes_after_server_restart(
    page: Page, start_service: StartService, large_clip: Path, console_errors: list[str]
) -> None:
    service = start_service(WEB)
    with FlakyProxy(service.url) as proxy:
        upload_part(page, proxy, large_clip, 0.5)
        service.process.kill()
        service.process.wait(10)
        expect(upload_progress(page).get_by_text("Connection lost. Trying again…")).to_be_visible()
        restarted = start_service(WEB, instance=str(service.instance))
        proxy.target_port = int(restarted.url.rsplit(":", 1)[1])
        proxy.max_bytes = math.inf
        wait_for_upload(page)
        assert sha256(uploaded_file(service, page)) == sha256(large_clip)
        page.goto("about:blank")  # its requests end before the proxy does
    console_errors.clear()


def test_upload_resumes_after_reload_with_same_file(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, large_clip: Path, clip: Path
) -> None:
    upload_part(page, proxy, large_clip, 0.5)
    proxy.bytes_per_s = SLOW_BYTES_PER_S  # the rest does not arrive before the reload
    proxy.max_bytes = math.inf
    page.reload()
    expect(page.get_by_role("heading", name="Your upload isn’t finished")).to_be_visible()
    proxy.bytes_per_s = None
    page.set_input_files("#video", clip)
    expect(page.get_by_role("alert")).to_contain_text("isn’t the file you started with")
    requests = record_requests(page)
    page.set_input_files("#video", large_clip)
    wait_for_upload(page)
    assert sha256(uploaded_file(seeded_app.service, page)) == sha256(large_clip)
    assert min(chunk_offsets(requests)) >= 1_000_000


def test_upload_deleted_by_server_can_be_restarted(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, large_clip: Path, console_errors: list[str]
) -> None:
    upload_part(page, proxy, large_clip, 0.25)
    first = uploaded_file(seeded_app.service, page)
    proxy.disconnect()
    expect(upload_progress(page).get_by_text("Connection lost")).to_be_visible()
    wait_for_two_failures(page)
    url = f"{seeded_app.url}/uploads/resumable/{first.name}"
    delete = urllib.request.Request(url, method="DELETE", headers={"Tus-Resumable": "1.0.0"})
    urllib.request.urlopen(delete).close()
    proxy.max_bytes = math.inf
    proxy.reconnect()
    page.get_by_role("button", name="Try again now").click()
    expect(upload_progress(page).get_by_text("expired and was deleted")).to_be_visible()
    expect(page.get_by_role("button", name="Make background")).to_be_disabled()
    page.get_by_role("button", name="Upload again").click()
    page.wait_for_url(lambda url: first.name not in url)
    wait_for_upload(page)
    assert sha256(uploaded_file(seeded_app.service, page)) == sha256(large_clip)
    expect_console_errors(console_errors, "Failed to load resource")


def test_start_page_retries_while_service_is_unreachable(
    page: Page, proxy: FlakyProxy, clip: Path, console_errors: list[str]
) -> None:
    page.goto(proxy.url)
    # The animation starts after the studio's modules are loaded, so only the upload's requests can fail.
    expect(page.get_by_role("button", name="Pause animation")).to_be_visible()
    page.wait_for_load_state("networkidle")
    proxy.disconnect()
    message = page.locator("form").get_by_text("Connection lost. Trying again…")
    page.set_input_files("#video", clip)
    expect(message).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    page.set_input_files("#video", clip)
    expect(message).to_be_visible()
    wait_for_two_failures(page)
    proxy.reconnect()
    page.get_by_role("button", name="Try again now").click()
    wait_for_upload(page)
    expect_console_errors(console_errors, "Failed to load resource")

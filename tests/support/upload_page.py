"""Helpers for tests of uploads in the browser."""

import hashlib
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, Request, expect

from tests.support.flaky_proxy import FlakyProxy
from tests.support.running_service import Service
from tests.support.waiting import wait_for

TIMEOUT_MS = 60_000
SLOW_BYTES_PER_S = 250_000.0
"""At this speed the large clip takes sixteen seconds."""


def choose_clip(page: Page, url: str, clip: Path) -> None:
    """Choose a file on the start page and wait for the studio; the upload continues."""
    page.goto(url)
    page.set_input_files("#video", clip)
    page.wait_for_url("**/uploads/*/", timeout=TIMEOUT_MS)


def upload_part(page: Page, proxy: FlakyProxy, clip: Path, fraction: float) -> None:
    """Choose a file on the start page; the upload stalls after this fraction of it."""
    proxy.max_bytes = fraction * clip.stat().st_size
    choose_clip(page, proxy.url, clip)
    wait_for(lambda: proxy.sent_bytes >= proxy.max_bytes, "a part of the file")


def upload_progress(page: Page) -> Locator:
    return page.get_by_role("group", name="Upload progress")


def wait_for_upload(page: Page) -> None:
    """Wait until the clip is uploaded."""
    expect(page.locator("#uploading")).to_have_attribute("data-state", "done", timeout=TIMEOUT_MS)


def uploaded_file(service: Service, page: Page) -> Path:
    """Return the server's file of the upload whose studio is open."""
    found = re.search(r"/uploads/([0-9a-f]{32})/", page.url)
    assert found
    return service.instance / "media/uploads" / found[1]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record_requests(page: Page) -> list[Request]:
    """Return a list to which each subsequent request of the page is appended."""
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    return requests


def chunk_offsets(requests: list[Request]) -> list[int]:
    """Return the offsets of the chunks among the requests."""
    return [int(request.headers["upload-offset"]) for request in requests if request.method == "PATCH"]


def wait_for_two_failures(page: Page) -> None:
    """Wait until two more requests have failed. The next pause is long enough to press a button."""
    for _ in range(2):
        page.wait_for_event("requestfailed")

"""Uploading a clip while the studio is in use."""

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import LARGE_CLIP_BYTES
from tests.support.clips import make_clip
from tests.support.flaky_proxy import FlakyProxy
from tests.support.page_helpers import hold_request
from tests.support.page_states.studio import CHUNK_URL
from tests.support.seeded_app import SeededApp
from tests.support.upload_page import (
    SLOW_BYTES_PER_S,
    TIMEOUT_MS,
    choose_clip,
    record_requests,
    sha256,
    upload_progress,
    uploaded_file,
    wait_for_upload,
)
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

DISPATCH_FILE_EVENT = """([content, event, name]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  const options = { bubbles: true, cancelable: true };
  const fileEvent = event === "paste"
    ? new ClipboardEvent(event, { clipboardData: transfer, ...options })
    : new DragEvent(event, { dataTransfer: transfer, ...options });
  document.querySelector("footer").dispatchEvent(fileEvent);
}"""


def dispatch_file_event(page: Page, clip: Path, event: str, *, name: str = "clip.mp4") -> None:
    """Drag, drop or paste the file outside the drop area."""
    page.evaluate(DISPATCH_FILE_EVENT, [base64.b64encode(clip.read_bytes()).decode(), event, name])


def test_studio_opens_at_once_and_plays_local_file(page: Page, proxy: FlakyProxy, large_clip: Path) -> None:
    proxy.bytes_per_s = SLOW_BYTES_PER_S
    page.goto(proxy.url)
    page.evaluate("window.isSameDocument = true")
    page.set_input_files("#video", large_clip)
    expect(page.get_by_role("heading", name="Choose your six seconds")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/uploads/[0-9a-f]{32}/$"))
    assert page.title() == "Choose your six seconds · Chromi"
    assert page.evaluate("window.isSameDocument")
    # Not wait_for_function: its polling uses eval, which the page's content security policy forbids.
    wait_for(lambda: page.evaluate("document.querySelector('#studio video').readyState >= 2"), "the video")
    assert page.evaluate("document.querySelector('#studio video').currentSrc.startsWith('blob:')")
    bar = page.get_by_role("progressbar", name="Upload progress")
    expect(bar).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('#uploading progress').value > 10"), "progress")
    expect(page.get_by_text(re.compile(r"[\d.]+ MB of 4 MB, \d+%"))).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Uploading your video")
    assert proxy.sent_bytes < LARGE_CLIP_BYTES
    proxy.bytes_per_s = None
    wait_for_upload(page)
    expect(bar).to_be_hidden()


def test_chosen_cut_of_very_short_upload_survives_reload(
    page: Page, seeded_app: SeededApp, tmp_path: Path
) -> None:
    page.goto(seeded_app.url)
    page.set_input_files("#video", make_clip(tmp_path / "clip.mp4", seconds=0.5))
    wait_for_upload(page)
    expect(page.get_by_role("radio", name="Back and forth")).to_be_checked()
    page.get_by_role("radio", name=re.compile("^Cut")).check()
    expect(page).to_have_url(re.compile("loop=cut"))
    page.reload()
    expect(page.get_by_role("radio", name=re.compile("^Cut"))).to_be_checked()


def test_uploaded_event_has_video_info_from_server(page: Page, seeded_app: SeededApp, clip: Path) -> None:
    page.goto(seeded_app.url)
    page.evaluate(
        "document.addEventListener('chromi:uploaded', (event) => { window.detail = event.detail; }, true)"
    )
    page.set_input_files("#video", clip)
    wait_for_upload(page)
    detail = page.evaluate("window.detail")
    assert detail["info"]["codec"] == "h264"
    assert detail["videoUrl"] == f"/uploads/{uploaded_file(seeded_app.service, page).name}/video"


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_file_is_accepted_anywhere_on_page(page: Page, seeded_app: SeededApp, clip: Path, event: str) -> None:
    page.goto(seeded_app.url)
    if event == "drop":
        dispatch_file_event(page, clip, "dragover")
        expect(page.locator(".drop-area")).to_have_class(re.compile("dragging"))
    dispatch_file_event(page, clip, event)
    wait_for_upload(page)
    assert sha256(uploaded_file(seeded_app.service, page)) == sha256(clip)


def test_make_background_waits_for_upload(page: Page, proxy: FlakyProxy, large_clip: Path) -> None:
    proxy.bytes_per_s = SLOW_BYTES_PER_S
    requests = record_requests(page)
    # Hold the request for the offset. Otherwise, the upload may finish before the click.
    with hold_request(page, CHUNK_URL):
        choose_clip(page, proxy.url, large_clip)
        page.get_by_role("button", name="Make background").click()
        expect(
            upload_progress(page).get_by_text("Your background will be made when the upload is done")
        ).to_be_visible()
    expect(upload_progress(page).get_by_text(" of 4 MB")).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("Your background will be made when the upload is done")
    page.get_by_label("Start time").fill("00:00:01.500")
    assert not [request for request in requests if request.url.endswith("/jobs/")]
    proxy.bytes_per_s = None
    page.wait_for_url("**/jobs/*/", timeout=TIMEOUT_MS)
    job = page.request.get(page.url, headers={"Accept": "application/json"}).json()
    assert job["recipe"]["start_time"] == "00:00:01.500", "the form is sent as it is after the upload"


def test_cancel_returns_to_start_page_and_deletes_upload(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, large_clip: Path
) -> None:
    proxy.bytes_per_s = SLOW_BYTES_PER_S
    choose_clip(page, proxy.url, large_clip)
    upload = uploaded_file(seeded_app.service, page).with_suffix(".partial")
    wait_for(upload.exists, "the first chunk")
    page.get_by_role("button", name="Cancel upload").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    wait_for(lambda: not upload.exists(), "the partial file to be deleted")


def test_back_returns_to_start_page(page: Page, proxy: FlakyProxy, large_clip: Path) -> None:
    proxy.bytes_per_s = SLOW_BYTES_PER_S
    choose_clip(page, proxy.url, large_clip)
    page.go_back()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    page.wait_for_load_state()
    page.go_forward()
    expect(page.get_by_role("heading", name="Your upload isn’t finished")).to_be_visible()


def test_form_uploads_whole_file_without_script(
    page_without_script: Page, seeded_app: SeededApp, clip: Path
) -> None:
    page = page_without_script
    page.goto(seeded_app.url)
    page.set_input_files("#video", clip)
    page.get_by_role("button", name="Upload this video").click()
    page.wait_for_url("**/uploads/*/")
    assert sha256(uploaded_file(seeded_app.service, page)) == sha256(clip)

"""What a worker makes for the studio: loop suggestions, size estimates, and previews of unplayable clips.

All tests use `duration=1`, because each studio starts an estimate, which takes longer for longer windows.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import clips
from tests.support.page_helpers import RECORD_TEXTS, hold_request
from tests.support.running_service import Service
from tests.support.studio_page import (
    SHOW_LOCAL_FILE,
    slider,
    start_field,
    wait_for_end_frames,
    wait_for_time,
)
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TIMEOUT_MS = 60_000

UploadAndOpen = Callable[[Path], Page]


@pytest.fixture
def upload_and_open(page: Page, service: Service) -> UploadAndOpen:
    """Upload a clip and open its studio."""

    def upload_and_open(clip: Path) -> Page:
        file = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
        response = page.request.post(f"{service.url}/uploads/", multipart={"video": file})
        page.goto(f"{service.url}{response.json()['url']}?duration=1")
        return page

    return upload_and_open


@pytest.fixture(scope="module")
def hevc_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "hevc.mp4"
    return clips.make_clip(path, seconds=3, codec="libx265", size="320x180", rate=24)


@pytest.fixture(scope="module")
def prores_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "prores.mov"
    return clips.make_clip(path, seconds=3, codec="prores_ks", pix_fmt="yuv422p10le", size="320x180", rate=24)


def test_loop_suggestion_moves_window(upload_and_open: UploadAndOpen, clip: Path) -> None:
    page = upload_and_open(clip)
    page.locator("#announcer").evaluate(RECORD_TEXTS)
    page.get_by_role("button", name="Find the best loop").click()
    chips = page.locator("#loops .chip")
    expect(chips.first).to_be_visible(timeout=TIMEOUT_MS)
    wait_for(lambda: page.evaluate("texts.some((text) => text.includes('Best loops'))"), "the announcement")
    expect(chips.first).to_contain_text(re.compile("seamless|jump"))
    last = chips.last
    start_s = float(last.get_attribute("data-start-s") or "nan")
    last.click()
    expect(last).to_have_attribute("aria-pressed", "true")
    expect(slider(page)).to_have_value(f"{start_s:.1f}".removesuffix(".0"))
    page.get_by_label("Length in seconds").fill("4")
    expect(chips).to_have_count(0)  # these suggestions were for another length


def test_sizes_are_estimated_automatically_and_cleared_on_change(
    upload_and_open: UploadAndOpen, clip: Path
) -> None:
    page = upload_and_open(clip)
    sizes = page.locator("[data-part=qualities] output")
    expect(sizes.first).to_have_text(re.compile(r"about [\d.]+ [KM]B"), timeout=TIMEOUT_MS)
    expect(sizes.nth(2)).to_have_text(re.compile(r"about [\d.]+ [KM]B"))
    expect(page.locator("#announcer")).to_contain_text("Balanced")
    page.get_by_role("radio", name="Best").check()
    expect(sizes.first).to_have_text(re.compile("about"))
    page.keyboard.press("i")
    with hold_request(page, "**/estimates/"):
        start_field(page).fill("00:00:01")
        expect(sizes.first).to_have_text("up to 10 MB")
    expect(sizes.first).to_have_text(re.compile("about"), timeout=TIMEOUT_MS)


@pytest.mark.parametrize("name", ["prores_clip", "hevc_clip"])
def test_unplayable_clip_is_shown_as_preview(
    upload_and_open: UploadAndOpen, page: Page, request: pytest.FixtureRequest, name: str
) -> None:
    with hold_request(page, "**/jobs/*/preview"):
        upload_and_open(request.getfixturevalue(name))
        expect(page.get_by_text("but Chromi can still turn it")).to_be_visible()
    wait_for_end_frames(page)
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.get_by_text("but Chromi can still turn it")).to_be_hidden()
    slider(page).press("Shift+ArrowRight")
    wait_for_time(page, 1)


def test_gif_is_shown_as_preview(upload_and_open: UploadAndOpen, tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    clips.make_clip(path, seconds=3, codec="gif", pix_fmt="rgb8", size="160x90", rate=10)
    page = upload_and_open(path)
    wait_for_end_frames(page)
    expect(page.locator("#studio video")).to_be_visible()
    expect(page.locator("[data-part=image]")).to_be_hidden()


def test_unplayable_local_file_is_shown_as_preview_after_upload(
    upload_and_open: UploadAndOpen, hevc_clip: Path
) -> None:
    page = upload_and_open(hevc_clip)
    url = page.get_attribute("#studio", "data-video-url")
    wait_for_end_frames(page)
    page.reload()  # discard the frames that the studio has already read
    page.evaluate(SHOW_LOCAL_FILE, {"url": url, "type": "video/mp4"})
    expect(page.get_by_text("The picture comes when your clip has been")).to_be_visible()
    page.evaluate(
        "document.querySelector('#studio').dispatchEvent("
        "new CustomEvent('chromi:uploaded', { detail: { info: { duration_s: 3, fps: 24 } } }))"
    )
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.locator("[data-part=track]")).to_be_visible()

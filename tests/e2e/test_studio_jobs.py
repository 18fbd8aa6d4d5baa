"""What a worker makes for the studio: loop suggestions, size estimates, and previews of unplayable clips.

Only one test lets its studio request an estimate, because an estimate takes much longer than other analyses.
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

UploadAndOpen = Callable[..., Page]


@pytest.fixture
def upload_and_open(page: Page, service: Service) -> UploadAndOpen:
    """Upload a clip and open its studio, which gets no estimate unless the test needs one."""

    def upload_and_open(clip: Path, duration_s: int = 1, *, has_estimate: bool = False) -> Page:
        if not has_estimate:
            page.route("**/estimates/", lambda route: None)
        file = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
        response = page.request.post(f"{service.url}/uploads/", multipart={"video": file})
        page.goto(f"{service.url}{response.json()['url']}?duration={duration_s}")
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


@pytest.fixture(scope="module")
def looping_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Waves that move on by one length every two seconds."""
    path = tmp_path_factory.mktemp("clips") / "looping.mp4"
    waves = "format=yuv420p,geq=lum='127+100*sin(2*PI*(X/160+T/2))':cb=128:cr=128"
    return clips.make_clip(path, seconds=4, rate=24, size="160x90", pattern="color=black", filters=waves)


def test_seamless_loop_is_offered_unasked_and_never_used_unasked(
    upload_and_open: UploadAndOpen, looping_clip: Path
) -> None:
    page = upload_and_open(looping_clip, duration_s=2)
    page.locator("#announcer").evaluate(RECORD_TEXTS)
    chip = page.locator("#loops .chip")
    expect(chip).to_contain_text("Seamless loop at", timeout=TIMEOUT_MS)
    wait_for(lambda: page.evaluate("texts.some((text) => text.includes('seamless'))"), "the announcement")
    expect(start_field(page)).to_have_value("0:00.0")
    start_field(page).fill("1.9")
    start_field(page).blur()
    expect(chip).to_have_attribute("aria-pressed", "false")
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Length (1 to 10 sec)").fill("3")
    expect(chip).to_have_count(0)  # it was for another length


def test_clip_without_seamless_loop_offers_crossfade(upload_and_open: UploadAndOpen, clip: Path) -> None:
    page = upload_and_open(clip)
    offer = page.get_by_role("button", name="Use a crossfade")
    offer.click(timeout=TIMEOUT_MS)
    expect(page.get_by_role("radio", name="Crossfade")).to_be_checked()
    expect(offer).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Last frame (faded)")).to_be_visible()
    offer.click()
    expect(page.get_by_role("radio", name="Cut")).to_be_checked()
    expect(offer).to_have_attribute("aria-pressed", "false")


def test_black_bars_are_found_and_can_be_cropped(upload_and_open: UploadAndOpen, tmp_path: Path) -> None:
    path = clips.make_clip(
        tmp_path / "bars.mp4", seconds=2, rate=24, size="320x120", filters="pad=320:180:0:30:black"
    )
    page = upload_and_open(path)
    crop = page.get_by_label("Crop the black bars")
    expect(crop).to_be_visible(timeout=TIMEOUT_MS)
    expect(crop).not_to_be_checked()
    height = "document.querySelector('#studio video').getBoundingClientRect().height"
    before = page.evaluate(height)
    crop.check()
    assert page.evaluate(height) == pytest.approx(before * 1.5, rel=0.03), "the content fills the player"
    expect(page).to_have_url(re.compile("crop_bars=auto"))
    page.reload()
    expect(page.get_by_label("Crop the black bars")).to_be_checked(timeout=TIMEOUT_MS)


def test_cards_show_size_and_frame_of_each_quality(upload_and_open: UploadAndOpen, plain_clip: Path) -> None:
    page = upload_and_open(plain_clip, has_estimate=True)
    sizes = page.locator("[data-part=qualities] [data-size]")
    expect(sizes.first).to_have_text(re.compile(r"about [\d.]+ [kM]B"), timeout=TIMEOUT_MS)
    expect(sizes.nth(2)).to_have_text(re.compile(r"about [\d.]+ [kM]B"))
    expect(page.locator("#announcer")).to_contain_text("Balanced")
    expect(page.locator("#estimates p")).to_be_hidden()

    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-still] img')].every((i) => i.naturalWidth === 1280)"
    )
    page.get_by_role("button", name="View a frame at full size: Small").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert dialog.locator("img").evaluate("image => image.width") == 1280
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("radio", name=re.compile("^Balanced"))).to_be_checked()
    expect(start_field(page)).to_have_value("0:00.0")

    page.get_by_role("radio", name="Best").check()
    expect(sizes.first).to_have_text(re.compile("about"))
    page.keyboard.press("i")
    with hold_request(page, "**/estimates/"):
        start_field(page).fill("0:01")
        expect(sizes.first).to_have_text("up to 10 MB")
        expect(page.locator("[data-still]:visible")).to_have_count(0)
    expect(sizes.first).to_have_text(re.compile("about"), timeout=TIMEOUT_MS)


@pytest.mark.parametrize("name", ["prores_clip", "hevc_clip"])
def test_unplayable_clip_is_shown_as_preview(
    upload_and_open: UploadAndOpen, page: Page, request: pytest.FixtureRequest, name: str
) -> None:
    with hold_request(page, "**/jobs/*/preview"):
        upload_and_open(request.getfixturevalue(name))
        page.get_by_label("Zoom", exact=True).fill("2")
        page.get_by_text("but Chromi can turn it").click(trial=True)  # fails if something covers the message
        expect(page.get_by_text("Drag the circle")).to_be_hidden()
    wait_for_end_frames(page)
    expect(page.get_by_text("Drag the circle")).to_be_visible()
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.get_by_text("but Chromi can turn it")).to_be_hidden()
    slider(page).press("Shift+ArrowRight")
    wait_for_time(page, 1)


def test_gif_is_shown_as_preview(upload_and_open: UploadAndOpen, tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    clips.make_clip(path, seconds=3, codec="gif", pix_fmt="rgb8", size="1920x1080", rate=2)
    page = upload_and_open(path)
    wait_for_end_frames(page)
    expect(page.locator("#studio video")).to_be_visible()
    expect(page.locator("[data-part=image]")).to_be_hidden()
    page.get_by_text("More options").click()
    page.get_by_label("Resolution").select_option("1920x1080")
    expect(page.get_by_text("is larger than your video")).to_be_hidden()


def test_preview_that_is_shorter_than_its_clip_says_where_it_ends(
    upload_and_open: UploadAndOpen, page: Page, hevc_clip: Path, tmp_path: Path
) -> None:
    """A preview has only the first ten minutes. This one is replaced by one of a second."""
    preview = clips.make_clip(tmp_path / "preview.mp4", seconds=1)
    page.route("**/uploads/*/preview", lambda route: route.fulfill(path=preview, content_type="video/mp4"))
    upload_and_open(hevc_clip)
    wait_for_end_frames(page)
    note = page.get_by_text("The preview ends at 0:01.0")
    expect(note).to_be_hidden()
    start_field(page).fill("1.5")
    expect(note).to_be_visible()
    play = page.get_by_role("button", name="Play loop")
    play.click()
    expect(play).to_be_visible()


def test_unplayable_local_file_is_shown_as_preview_after_upload(
    upload_and_open: UploadAndOpen, hevc_clip: Path
) -> None:
    page = upload_and_open(hevc_clip)
    url = page.get_attribute("#studio", "data-video-url")
    wait_for_end_frames(page)
    page.reload()  # discard the frames that the studio has already read
    page.evaluate(SHOW_LOCAL_FILE, {"url": url, "type": "video/mp4"})
    expect(page.get_by_text("A preview will appear after the upload")).to_be_visible()
    page.evaluate(
        "document.querySelector('#studio').dispatchEvent("
        "new CustomEvent('chromi:uploaded', { detail: { info: { duration_s: 3, fps: 24 } } }))"
    )
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.locator("[data-part=track]")).to_be_visible()

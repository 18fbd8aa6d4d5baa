"""What the studio shows that a worker makes: the best loops, sizes, and previews of what does not play.

All with `duration=1`: behind each studio sizes are measured, for six seconds in six times as long.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import clips
from tests.support.page_helpers import NOTE_WORDS, held
from tests.support.running_service import Service
from tests.support.studio_page import LOCAL_FILE, slider, starts_at, wait_for_seam, wait_shown
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 60_000

Open = Callable[[Path], Page]


@pytest.fixture
def studio(page: Page, service: Service) -> Open:
    """Send a clip and open its studio."""

    def open_studio(clip: Path) -> Page:
        sent = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
        answer = page.request.post(f"{service.url}/uploads/", multipart={"video": sent})
        page.goto(f"{service.url}{answer.json()['url']}?duration=1")
        return page

    return open_studio


@pytest.fixture(scope="module")
def hevc_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "hevc.mp4"
    return clips.make_clip(path, seconds=3, codec="libx265", size="320x180", rate=24)


@pytest.fixture(scope="module")
def prores_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "prores.mov"
    return clips.make_clip(path, seconds=3, codec="prores_ks", pix_fmt="yuv422p10le", size="320x180", rate=24)


def test_the_best_loops_are_chips_that_move_the_window(studio: Open, clip: Path) -> None:
    page = studio(clip)
    page.locator("#announcer").evaluate(NOTE_WORDS)
    page.get_by_role("button", name="Find the best loop").click()
    chips = page.locator("#loops .chip")
    expect(chips.first).to_be_visible(timeout=PATIENCE_MS)
    wait_for(lambda: page.evaluate("told.some((news) => news.includes('Best loops'))"), "the news")
    expect(chips.first).to_contain_text(re.compile("seamless|jump"))
    last = chips.last
    wanted = float(last.get_attribute("data-start-s") or "nan")
    last.click()
    expect(last).to_have_attribute("aria-pressed", "true")
    expect(slider(page)).to_have_value(f"{wanted:.1f}".removesuffix(".0"))
    page.get_by_label("Length in seconds").fill("4")
    expect(chips).to_have_count(0)  # they were of another length


def test_sizes_come_by_themselves_and_go_when_the_pictures_change(studio: Open, clip: Path) -> None:
    page = studio(clip)
    sizes = page.locator("[data-part=qualities] output")
    expect(sizes.first).to_have_text(re.compile(r"about [\d.]+ [KM]B"), timeout=PATIENCE_MS)
    expect(sizes.nth(2)).to_have_text(re.compile(r"about [\d.]+ [KM]B"))
    expect(page.locator("#announcer")).to_contain_text("Balanced")
    page.get_by_role("radio", name="Best").check()
    expect(sizes.first).to_have_text(re.compile("about"))
    page.keyboard.press("i")
    with held(page, "**/estimates/"):
        starts_at(page).fill("00:00:01")
        expect(sizes.first).to_have_text("up to 12 MB")
    expect(sizes.first).to_have_text(re.compile("about"), timeout=PATIENCE_MS)


@pytest.mark.parametrize("name", ["prores_clip", "hevc_clip"])
def test_a_clip_that_browsers_do_not_play_is_shown_by_its_preview(
    studio: Open, page: Page, request: pytest.FixtureRequest, name: str
) -> None:
    with held(page, "**/jobs/*/preview"):
        studio(request.getfixturevalue(name))
        expect(page.get_by_text("but Chromi can still turn it")).to_be_visible()
    wait_for_seam(page)
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.get_by_text("but Chromi can still turn it")).to_be_hidden()
    slider(page).press("Shift+ArrowRight")
    wait_shown(page, 1)


def test_a_gif_is_looked_through_by_its_preview(studio: Open, tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    page = studio(clips.make_clip(path, seconds=3, codec="gif", pix_fmt="rgb8", size="160x90", rate=10))
    wait_for_seam(page)
    expect(page.locator("#studio video")).to_be_visible()
    expect(page.locator("[data-part=picture]")).to_be_hidden()


def test_a_local_file_that_does_not_play_is_shown_once_it_has_been_sent(
    studio: Open, hevc_clip: Path
) -> None:
    page = studio(hevc_clip)
    url = page.get_attribute("#studio", "data-video-url")
    wait_for_seam(page)
    page.reload()  # as a page is before any script of ours has seen the clip
    page.evaluate(LOCAL_FILE, {"url": url, "type": "video/mp4"})
    expect(page.get_by_text("The picture comes when your clip has been")).to_be_visible()
    page.evaluate(
        "document.querySelector('#studio').dispatchEvent("
        "new CustomEvent('chromi:uploaded', { detail: { info: { duration_s: 3, fps: 24 } } }))"
    )
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.locator("[data-part=strip]")).to_be_visible()

"""The studio in a real browser: choosing a part of the clip, and how it looks."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import clips
from tests.browser.conftest import OpenPage
from tests.conftest import Service

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000

Open = Callable[..., Page]

LOCAL_FILE = """async ({ url, type }) => {
  // As the first page does while a clip is being sent: a studio that knows nothing yet, with the local file.
  const blob = await (await fetch(url)).blob();
  const root = document.querySelector("#studio");
  const fresh = root.cloneNode(true);
  fresh.dataset.durationS = fresh.dataset.videoUrl = "";
  fresh.querySelector("video").removeAttribute("src");
  root.replaceWith(fresh);
  htmx.process(fresh);
  const { enhanceStudio } = await import(document.querySelector('[href$="/js/studio.js"]').href);
  enhanceStudio(fresh, { localUrl: URL.createObjectURL(blob), localType: type });
}"""


@pytest.fixture
def studio(page: Page, service: Service) -> Open:
    """Send a clip and open its studio, with options in the address if any are given."""

    def open_studio(clip: Path, query: str = "") -> Page:
        open_in(page, service, clip, query)
        return page

    return open_studio


def open_in(page: Page, service: Service, clip: Path, query: str = "") -> None:
    sent = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    answer = page.request.post(f"{service.url}/uploads/", multipart={"video": sent})
    page.goto(f"{service.url}{answer.json()['url']}{query}")


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes, small."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return clips.make_clip(path, seconds=120, size="160x90", rate=10, options=("-g", "10"))


@pytest.fixture(scope="module")
def tall_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds upright, red and lime above, blue and yellow below."""
    path = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return clips.make_clip(path, size="180x320", rate=24, picture="quadrants")


def slider(page: Page) -> Locator:
    return page.get_by_label("Your part of the clip")


def starts_at(page: Page) -> Locator:
    return page.get_by_label("Starts at")


def pictures(page: Page) -> list[str]:
    """The two pictures of the seam, as data URLs."""
    return [
        page.locator(f"[data-part={part}]").evaluate("canvas => canvas.toDataURL()")
        for part in ("first", "last")
    ]


def wait_for_seam(page: Page, *, other_than: tuple[str, ...] | list[str] = ("", "")) -> list[str]:
    """Wait until both pictures of the seam are drawn and are not those."""
    page.wait_for_function(
        """(others) => ["first", "last"].every((part, i) => {
             const canvas = document.querySelector(`[data-part=${part}]`);
             return canvas.width !== 300 && canvas.toDataURL() !== others[i];
           })""",
        arg=list(other_than),
    )
    return pictures(page)


def shown_s(page: Page) -> float:
    """Where in the clip the player's picture is."""
    seconds: float = page.evaluate("document.querySelector('#studio video').currentTime")
    return seconds


def wait_shown(page: Page, seconds: float) -> None:
    page.wait_for_function(
        "s => Math.abs(document.querySelector('#studio video').currentTime - s) < 0.02", arg=seconds
    )


def drag(page: Page, handle: Locator, dx: float, dy: float = 0) -> None:
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()


@pytest.fixture(params=["light", "dark"])
def colours(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[360, 768, 1440])
def sized_page(request: pytest.FixtureRequest, open_page: OpenPage, colours: str) -> Page:
    return open_page(width=request.param, color_scheme=colours)


def test_everything_is_there_at_every_width(sized_page: Page, service: Service, tall_clip: Path) -> None:
    page = sized_page
    open_in(page, service, tall_clip)
    wait_for_seam(page)
    buttons = [
        *("Play the loop", "One frame back", "One frame on", "Start here"),
        *("Find the best loop", "Make background"),
    ]
    for name in buttons:
        button = page.get_by_role("button", name=name)
        expect(button).to_be_visible()
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
    for name in ("Crossfade", "Blur", "Balanced"):
        page.get_by_role("radio", name=name).check()
        expect(page.get_by_role("radio", name=name)).to_be_checked()
    slider(page).press("ArrowRight")
    expect(starts_at(page)).to_have_value("00:00:00.100")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_window_is_dragged_as_one_piece(studio: Open, clip: Path) -> None:
    page = studio(clip)
    before = wait_for_seam(page)
    strip = page.locator("[data-part=filmstrip]").bounding_box()
    assert strip
    drag(page, page.locator("[data-part=window]"), strip["width"] / 8)
    expect(starts_at(page)).to_have_value(re.compile(r"00:00:0(0\.9|1\.0)\d\d"))
    assert before[0] != before[1]
    wait_for_seam(page, other_than=before)
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile(r"0:0[01]\.\d to 0:0[67]\.\d"))
    expect(page).to_have_url(re.compile(r"start_time=00(:|%3A)00"))
    drag(page, page.locator("[data-part=window]"), 5000)
    expect(starts_at(page)).to_have_value("00:00:02.000")


def test_pressing_beside_the_window_brings_it_there(studio: Open, long_clip: Path) -> None:
    page = studio(long_clip)
    expect(page.locator("[data-part=to]")).to_have_text("2:00.0")
    page.locator("[data-part=strip]").click()
    expect(starts_at(page)).to_have_value(re.compile(r"00:00:5[67]\.\d+"))


def test_the_keys_move_the_window(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    start = starts_at(page)
    for key, value in [
        ("ArrowRight", "00:00:00.100"),
        ("Shift+ArrowRight", "00:00:01.100"),
        ("ArrowLeft", "00:00:01.000"),
        ("Shift+ArrowLeft", "00:00:00.000"),
    ]:
        page.keyboard.press(key)
        expect(start).to_have_value(value)
    slider(page).focus()
    page.keyboard.press("End")
    expect(start).to_have_value("00:00:02.000")
    wait_shown(page, 2)
    page.keyboard.press("Home")
    expect(start).to_have_value("00:00:00.000")


def test_frames_are_stepped_and_the_start_is_set_there(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    for key, seconds in [(".", 1 / 30), (".", 2 / 30), (".", 3 / 30), (",", 2 / 30)]:
        page.keyboard.press(key)
        wait_shown(page, seconds)
    page.get_by_role("button", name="One frame on").click()
    wait_shown(page, 3 / 30)
    page.keyboard.press("i")
    expect(starts_at(page)).to_have_value("00:00:00.100")


def test_keys_stay_with_the_field_they_are_typed_in(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    starts_at(page).fill("00:00:01.5")
    starts_at(page).press("End")
    starts_at(page).press("ArrowLeft")
    starts_at(page).press("Space")
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible()
    assert shown_s(page) < 1.6
    expect(starts_at(page)).to_have_value("00:00:01. 5")


def test_the_keys_can_be_switched_off(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    page.get_by_text("Keys", exact=True).click()
    page.get_by_label("Use these keys").uncheck()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    slider(page).press("ArrowRight")
    expect(starts_at(page)).to_have_value("00:00:00.100")


def test_a_start_that_cannot_be_says_why(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    message = "field => field.validationMessage"
    starts_at(page).fill("soon")
    assert "00:00:12.4" in starts_at(page).evaluate(message)
    starts_at(page).fill("7")
    assert "0:02.0 or earlier" in starts_at(page).evaluate(message)
    starts_at(page).fill("1.5")
    assert starts_at(page).evaluate(message) == ""
    expect(slider(page)).to_have_value("1.5")


def test_space_plays_the_window_and_comes_round(studio: Open, clip: Path) -> None:
    page = studio(clip, "?duration=1&start_time=2")
    wait_for_seam(page)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.evaluate(
        """() => {
          const video = document.querySelector("#studio video");
          window.seen = [];
          const look = () => { window.seen.push(video.currentTime); requestAnimationFrame(look); };
          look();
        }"""
    )
    page.wait_for_function("() => seen.some((s, i) => i && s < seen[i - 1] - 0.5)")
    seen: list[float] = page.evaluate("seen")
    assert max(seen) < 3.3
    assert min(seen) > 1.9
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible()
    assert page.evaluate("document.querySelector('#studio video').paused")


@pytest.mark.parametrize(
    "query", ["loop=boomerang", "loop=crossfade&start_time=1", "reverse=on", "speed=2&reverse=on"]
)
def test_what_a_video_cannot_play_is_played_picture_by_picture(studio: Open, clip: Path, query: str) -> None:
    page = studio(clip, f"?duration=1&{query}")
    wait_for_seam(page)
    screen = page.locator("[data-part=screen]")
    expect(screen).to_be_hidden()
    page.keyboard.press("Space")
    expect(screen).to_be_visible()
    expect(page.get_by_text("Shown with fewer pictures a second")).to_be_visible()
    page.evaluate(
        """() => {
          window.shown = new Set();
          const screen = document.querySelector("[data-part=screen]");
          const look = () => { window.shown.add(screen.toDataURL()); requestAnimationFrame(look); };
          look();
        }"""
    )
    page.wait_for_function("() => shown.size >= 6")
    page.keyboard.press("Space")
    expect(screen).to_be_hidden()


def test_going_back_and_forth_shows_where_it_turns(studio: Open, clip: Path) -> None:
    page = studio(clip)
    before = wait_for_seam(page)
    page.get_by_role("radio", name="Back and forth").check()
    expect(page.get_by_text("Where it turns")).to_be_visible()
    page.wait_for_function(
        "other => document.querySelector('[data-part=last]').toDataURL() !== other", arg=before[1]
    )
    expect(slider(page)).to_have_attribute("aria-valuetext", "0:00.0 to 0:03.0")
    expect(page.get_by_role("button", name="Find the best loop")).to_be_hidden()


def test_a_long_clip_is_zoomed_and_the_window_stays_in_sight(studio: Open, long_clip: Path) -> None:
    page = studio(long_clip)
    closer = page.get_by_role("button", name="Show less of the clip")
    wider = page.get_by_role("button", name="Show more of the clip")
    expect(wider).to_be_disabled()
    for _ in range(3):
        closer.click()
    expect(closer).to_be_disabled()
    expect(page.locator("[data-part=to]")).to_have_text("0:15.0")
    page.get_by_role("heading", level=1).click()
    for _ in range(20):
        page.keyboard.press("Shift+ArrowRight")
    expect(starts_at(page)).to_have_value("00:00:20.000")
    expect(page.locator("[data-part=from]")).not_to_have_text("0:00.0")
    strip, window = (page.locator(f"[data-part={part}]").bounding_box() for part in ("strip", "window"))
    assert strip
    assert window
    assert window["x"] >= strip["x"] - 1
    assert window["x"] + window["width"] <= strip["x"] + strip["width"] + 1
    wider.click()
    expect(closer).to_be_enabled()


def test_the_strip_scrolls_while_the_window_is_held_at_its_end(studio: Open, long_clip: Path) -> None:
    page = studio(long_clip)
    for _ in range(3):
        page.get_by_role("button", name="Show less of the clip").click()
    strip = page.locator("[data-part=strip]").bounding_box()
    assert strip
    page.mouse.move(strip["x"] + strip["width"] / 4, strip["y"] + 20)
    page.mouse.down()
    page.mouse.move(strip["x"] + strip["width"] - 5, strip["y"] + 20, steps=4)
    expect(page.locator("[data-part=from]")).to_have_text(re.compile("^0:[2-9]"))
    page.mouse.up()


@pytest.mark.slow
def test_the_best_loops_are_chips_that_move_the_window(studio: Open, clip: Path) -> None:
    page = studio(clip)
    page.get_by_role("button", name="Find the best loop").click()
    chips = page.locator("#loops .chip")
    expect(chips.first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#announcer")).to_contain_text("Best loops")
    expect(chips.first).to_contain_text(re.compile("seamless|jump"))
    last = chips.last
    wanted = float(last.get_attribute("data-start-s") or "nan")
    last.click()
    expect(last).to_have_attribute("aria-pressed", "true")
    expect(slider(page)).to_have_value(f"{wanted:.1f}".removesuffix(".0"))
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("4")
    expect(chips).to_have_count(0)  # they were of another length


@pytest.mark.slow
def test_sizes_come_by_themselves_and_go_when_the_pictures_change(studio: Open, clip: Path) -> None:
    page = studio(clip, "?duration=1")
    sizes = page.locator("[data-part=qualities] output")
    expect(sizes.first).to_have_text(re.compile(r"about [\d.]+ [KM]B"), timeout=PATIENCE_MS)
    expect(sizes.nth(2)).to_have_text(re.compile(r"about [\d.]+ [KM]B"))
    expect(page.locator("#announcer")).to_contain_text("Balanced")
    page.get_by_role("radio", name="Best").check()
    expect(sizes.first).to_have_text(re.compile("about"))
    page.keyboard.press("i")
    starts_at(page).fill("00:00:01")
    expect(sizes.first).to_have_text("up to 12 MB")
    expect(sizes.first).to_have_text(re.compile("about"), timeout=PATIENCE_MS)


def test_enter_in_a_field_makes_the_background(studio: Open, long_clip: Path) -> None:
    page = studio(long_clip)
    starts_at(page).fill("0:10")
    starts_at(page).press("Enter")
    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("background"))


def test_what_was_chosen_survives_a_reload_by_the_address(studio: Open, tall_clip: Path) -> None:
    page = studio(tall_clip)
    wait_for_seam(page)
    starts_at(page).fill("1.5")
    page.get_by_role("radio", name="Crossfade").check()
    page.get_by_role("radio", name=re.compile("^Whole")).check()
    page.get_by_label("A colour", exact=True).check()
    page.get_by_label("Colour around the picture").fill("#336699")
    page.get_by_label("Under").fill("9")
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("5")
    page.get_by_label("Backwards").check()
    page.reload()
    expect(starts_at(page)).to_have_value("00:00:01.500")
    for name in ("Crossfade", "Whole", "A size of your own"):
        expect(page.get_by_role("radio", name=re.compile(f"^{name}"))).to_be_checked()
    expect(page.get_by_label("Colour around the picture")).to_have_value("#336699")
    expect(page.get_by_label("Under")).to_have_value("9")
    expect(page.get_by_label("Length in seconds")).to_have_value("5")
    expect(page.get_by_label("Backwards")).to_be_checked()
    page.get_by_role("radio", name="Small").check()
    expect(page.get_by_label("Under")).to_have_value("")
    expect(page).not_to_have_url(re.compile("max_mb"))


def test_dragging_the_picture_changes_what_is_kept_and_shown(studio: Open, tall_clip: Path) -> None:
    page = studio(tall_clip)
    wait_for_seam(page)
    handle = page.get_by_role("slider", name="Part of the picture that is kept")
    expect(handle).to_have_attribute("aria-valuetext", "50% from the top")
    drag(page, handle, 0, 200)
    expect(page.locator("[name=focus]")).to_have_value(re.compile(r"^0\.5,0\.[34]\d*$"))
    expect(page).to_have_url(re.compile("focus=0.5"))
    position = "getComputedStyle(document.querySelector('#studio video')).objectPosition"
    assert float(page.evaluate(position).split()[1].removesuffix("%")) < 50
    handle.focus()
    page.keyboard.press("End")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("8[0-9]% from the top"))
    assert page.evaluate(position) == "50% 100%"
    assert starts_at(page).input_value() == "00:00:00.000", "the handle's keys are not the window's"
    page.get_by_role("radio", name="Blur").check()
    expect(handle).to_be_hidden()
    expect(page.locator("[data-part=backdrop]")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('#studio video')).objectFit") == "contain"


def test_a_wide_clip_has_nothing_to_frame(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    expect(page.get_by_text("How it fills the tab")).to_be_hidden()
    expect(page.locator("[data-part=focus]")).to_be_hidden()


def test_a_short_clip_needs_no_trimming(studio: Open, tmp_path: Path) -> None:
    page = studio(clips.make_clip(tmp_path / "short.mp4", seconds=3))
    wait_for_seam(page)
    expect(page.get_by_text("This clip is 3 sec long")).to_be_visible()
    expect(starts_at(page)).to_be_hidden()
    expect(page.locator("[data-part=strip]")).to_be_hidden()
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("2")
    expect(page.locator("[data-part=strip]")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("prores.mov", "prores_ks", "yuv422p10le"), ("hevc.mp4", "libx265", "yuv420p")],
)
def test_a_clip_that_browsers_do_not_play_is_shown_by_its_preview(
    studio: Open, tmp_path: Path, name: str, codec: str, pix_fmt: str
) -> None:
    path = clips.make_clip(tmp_path / name, codec=codec, pix_fmt=pix_fmt, size="320x180", rate=24)
    page = studio(path)
    expect(page.get_by_text("but Chromi can still turn it")).to_be_visible()
    wait_for_seam(page)
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.get_by_text("but Chromi can still turn it")).to_be_hidden()
    slider(page).press("Shift+ArrowRight")
    wait_shown(page, 1)


@pytest.mark.slow
def test_a_gif_is_looked_through_by_its_preview(studio: Open, tmp_path: Path) -> None:
    page = studio(clips.make_clip(tmp_path / "clip.gif", codec="gif", pix_fmt="rgb8", size="160x90", rate=10))
    wait_for_seam(page)
    expect(page.locator("#studio video")).to_be_visible()
    expect(page.locator("[data-part=picture]")).to_be_hidden()


def test_a_local_file_is_trimmed_while_it_is_being_sent(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    info = {"duration_s": 8, "fps": 30}
    page.evaluate(LOCAL_FILE, {"url": page.get_attribute("#studio", "data-video-url"), "type": "video/mp4"})
    wait_for_seam(page)
    assert page.get_attribute("#studio video", "src") != page.get_attribute("#studio", "data-video-url")
    expect(page.get_by_role("button", name="Find the best loop")).to_be_disabled()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    expect(starts_at(page)).to_have_value("00:00:00.100")
    page.evaluate(
        "info => document.querySelector('#studio').dispatchEvent("
        "new CustomEvent('chromi:uploaded', { detail: { info } }))",
        info,
    )
    expect(page.get_by_role("button", name="Find the best loop")).to_be_enabled()


@pytest.mark.slow
def test_a_local_file_that_does_not_play_is_shown_once_it_has_been_sent(studio: Open, tmp_path: Path) -> None:
    page = studio(clips.make_clip(tmp_path / "hevc.mp4", codec="libx265", size="320x180", rate=24))
    url = page.get_attribute("#studio", "data-video-url")
    wait_for_seam(page)
    page.reload()  # as a page is before any script of ours has seen the clip
    page.evaluate(LOCAL_FILE, {"url": url, "type": "video/mp4"})
    expect(page.get_by_text("The picture comes when your clip has been")).to_be_visible()
    page.evaluate(
        "document.querySelector('#studio').dispatchEvent("
        "new CustomEvent('chromi:uploaded', { detail: { info: { duration_s: 8, fps: 24 } } }))"
    )
    expect(page.locator("#studio video")).to_have_attribute("src", re.compile("/preview$"))
    expect(page.locator("[data-part=strip]")).to_be_visible()

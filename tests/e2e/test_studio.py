"""The studio in a real browser: choosing a part of the clip, and how it looks."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import COLOR_SCHEMES
from tests.support import clips
from tests.support.keyboard import button, has_focus, press, reach
from tests.support.seeded_app import House
from tests.support.studio_page import LOCAL_FILE, drag, shown_s, slider, starts_at, wait_for_seam, wait_shown

pytestmark = pytest.mark.browser

BUTTONS = [
    *("Play the loop", "One frame back", "One frame on", "Start here"),
    *("Find the best loop", "Make background"),
]

Open = Callable[..., Page]


@pytest.fixture
def studio(page: Page, house: House) -> Open:
    """Open the studio of a clip, with options in the address if any are given."""

    def open_studio(clip: Path, query: str = "") -> Page:
        page.goto(house.upload(clip) + query)
        return page

    return open_studio


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes, small."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return clips.make_clip(path, seconds=120, size="160x90", rate=10, options=("-g", "10"))


@pytest.fixture(scope="module")
def tall_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds upright, red and lime above, blue and yellow below."""
    path = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return clips.make_clip(path, size="180x320", rate=24, pattern="quadrants")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_everything_is_there_at_every_width(page: Page, studio: Open, tall_clip: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    studio(tall_clip)
    wait_for_seam(page)
    for scheme in COLOR_SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for name in BUTTONS:
            button = page.get_by_role("button", name=name)
            expect(button).to_be_visible()
            box = button.bounding_box()
            assert box
            assert box["height"] >= 44
        for name in ("Crossfade", "Blur", "Balanced"):
            page.get_by_role("radio", name=name).check()
            expect(page.get_by_role("radio", name=name)).to_be_checked()
        for name in ("Start again", "Fill", "Small"):
            page.get_by_role("radio", name=name).check()
        slider(page).press("Home")
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
          requestAnimationFrame(look); // after the player's own look at it, as each time
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
    expect(page.locator("[data-part=from]")).to_have_text(re.compile("^(0:[2-9]|1:)"))
    page.mouse.up()


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
    page.get_by_label("A color", exact=True).check()
    page.get_by_label("Color around the picture").fill("#336699")
    page.get_by_label("Under").fill("9")
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("5")
    page.get_by_label("Backwards").check()
    page.reload()
    expect(starts_at(page)).to_have_value("00:00:01.500")
    for name in ("Crossfade", "Whole", "A size of your own"):
        expect(page.get_by_role("radio", name=re.compile(f"^{name}"))).to_be_checked()
    expect(page.get_by_label("Color around the picture")).to_have_value("#336699")
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


def test_the_heading_follows_the_length(studio: Open, clip: Path) -> None:
    page = studio(clip)
    wait_for_seam(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Choose your six seconds")
    page.get_by_text("More options").click()
    length = page.get_by_label("Length in seconds")
    for seconds, words in (("4", "Choose your part"), ("10", "Your clip"), ("6", "Choose your six seconds")):
        length.fill(seconds)
        expect(heading).to_have_text(words)
        expect(page).to_have_title(f"{words} · Chromi")
    length.fill("4")
    page.reload()
    expect(heading).to_have_text("Choose your part")
    expect(page).to_have_title("Choose your part · Chromi")


def test_a_button_that_rests_keeps_the_focus(studio: Open, clip: Path) -> None:
    page = studio(clip, "?duration=1")
    wait_for_seam(page)
    closer, wider = button(page, "Show less of the clip"), button(page, "Show more of the clip")
    press(page, closer)
    expect(closer).to_be_disabled()
    expect(wider).to_be_focused()
    page.keyboard.press("Enter")
    expect(wider).to_be_disabled()
    expect(closer).to_be_focused()
    find = button(page, "Find the best loop")
    reach(page, find)
    with page.expect_response("**/loops/"):
        page.keyboard.press("Enter")
    assert has_focus(page)
    expect(page.locator("#announcer")).to_have_text(re.compile("Looking|Waiting"))
    expect(find).to_be_focused()

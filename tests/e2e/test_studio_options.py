"""The studio's options: framing, length, size limit, and how they are kept in the URL."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import COLOR_SCHEMES, OpenStudio
from tests.support.studio_page import drag, slider, start_field, wait_for_end_frames

pytestmark = pytest.mark.browser

BUTTONS = [
    *("Play the loop", "One frame back", "One frame on", "Start here"),
    *("Find the best loop", "Make background"),
]
OBJECT_POSITION = "getComputedStyle(document.querySelector('#studio video')).objectPosition"
OBJECT_FIT = "getComputedStyle(document.querySelector('#studio video')).objectFit"


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_all_controls_work_at_every_width(
    page: Page, open_studio: OpenStudio, tall_clip: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_studio(tall_clip)
    wait_for_end_frames(page)
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
        expect(start_field(page)).to_have_value("00:00:00.100")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_enter_in_field_makes_background(open_studio: OpenStudio, long_clip: Path) -> None:
    page = open_studio(long_clip)
    start_field(page).fill("0:10")
    start_field(page).press("Enter")
    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("background"))


def test_settings_survive_reload(open_studio: OpenStudio, tall_clip: Path) -> None:
    page = open_studio(tall_clip)
    wait_for_end_frames(page)
    start_field(page).fill("1.5")
    page.get_by_role("radio", name="Crossfade").check()
    page.get_by_role("radio", name=re.compile("^Whole")).check()
    page.get_by_label("A color", exact=True).check()
    page.get_by_label("Color around the picture").fill("#336699")
    page.get_by_label("Under").fill("9")
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("5")
    page.get_by_label("Backwards").check()
    page.reload()
    expect(start_field(page)).to_have_value("00:00:01.500")
    for name in ("Crossfade", "Whole", "A size of your own"):
        expect(page.get_by_role("radio", name=re.compile(f"^{name}"))).to_be_checked()
    expect(page.get_by_label("Color around the picture")).to_have_value("#336699")
    expect(page.get_by_label("Under")).to_have_value("9")
    expect(page.get_by_label("Length in seconds")).to_have_value("5")
    expect(page.get_by_label("Backwards")).to_be_checked()
    page.get_by_role("radio", name="Small").check()
    expect(page.get_by_label("Under")).to_have_value("")
    expect(page).not_to_have_url(re.compile("max_mb"))


def test_dragging_focus_point_changes_crop(open_studio: OpenStudio, tall_clip: Path) -> None:
    page = open_studio(tall_clip)
    wait_for_end_frames(page)
    handle = page.get_by_role("slider", name="Part of the picture that is kept")
    expect(handle).to_have_attribute("aria-valuetext", "50% from the top")
    drag(page, handle, 0, 200)
    expect(page.locator("[name=focus]")).to_have_value(re.compile(r"^0\.5,0\.[34]\d*$"))
    expect(page).to_have_url(re.compile("focus=0.5"))
    assert float(page.evaluate(OBJECT_POSITION).split()[1].removesuffix("%")) < 50
    handle.focus()
    page.keyboard.press("End")
    expect(handle).to_have_attribute("aria-valuetext", re.compile("8[0-9]% from the top"))
    assert page.evaluate(OBJECT_POSITION) == "50% 100%"
    assert start_field(page).input_value() == "00:00:00.000", "the handle's keys do not move the window"
    page.get_by_role("radio", name="Blur").check()
    expect(handle).to_be_hidden()
    expect(page.locator("[data-part=backdrop]")).to_be_visible()
    assert page.evaluate(OBJECT_FIT) == "contain"


def test_wide_clip_has_no_framing_options(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    expect(page.get_by_text("How it fills the tab")).to_be_hidden()
    expect(page.locator("[data-part=focus_point]")).to_be_hidden()


def test_heading_depends_on_length(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Choose your six seconds")
    page.get_by_text("More options").click()
    length = page.get_by_label("Length in seconds")
    for seconds, text in (("4", "Choose your part"), ("10", "Your clip"), ("6", "Choose your six seconds")):
        length.fill(seconds)
        expect(heading).to_have_text(text)
        expect(page).to_have_title(f"{text} · Chromi")
    length.fill("4")
    page.reload()
    expect(heading).to_have_text("Choose your part")
    expect(page).to_have_title("Choose your part · Chromi")

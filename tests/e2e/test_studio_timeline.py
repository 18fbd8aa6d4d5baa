"""Selecting a part of the clip in the studio: the timeline, its keys and the field with the start."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenStudio
from tests.support import clips
from tests.support.keyboard import button_named, has_focus, tab_to, tab_to_and_press
from tests.support.studio_page import (
    SHOW_LOCAL_FILE,
    current_time_s,
    drag,
    slider,
    start_field,
    wait_for_end_frames,
    wait_for_time,
)

pytestmark = pytest.mark.browser


def test_dragging_moves_window(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    before = wait_for_end_frames(page)
    thumbnails = page.locator("[data-part=thumbnails]").bounding_box()
    assert thumbnails
    drag(page, page.locator("[data-part=selection]"), thumbnails["width"] / 8)
    expect(start_field(page)).to_have_value(re.compile(r"00:00:0(0\.9|1\.0)\d\d"))
    assert before[0] != before[1]
    wait_for_end_frames(page, other_than=before)
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile(r"0:0[01]\.\d to 0:0[67]\.\d"))
    expect(page).to_have_url(re.compile(r"start_time=00(:|%3A)00"))
    drag(page, page.locator("[data-part=selection]"), 5000)
    expect(start_field(page)).to_have_value("00:00:02.000")


def test_click_beside_window_centers_it_there(open_studio: OpenStudio, long_clip: Path) -> None:
    page = open_studio(long_clip)
    expect(page.locator("[data-part=view_end]")).to_have_text("2:00.0")
    page.locator("[data-part=track]").click()
    expect(start_field(page)).to_have_value(re.compile(r"00:00:5[67]\.\d+"))


def test_keys_move_window(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    start = start_field(page)
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
    wait_for_time(page, 2)
    page.keyboard.press("Home")
    expect(start).to_have_value("00:00:00.000")


def test_keys_typed_in_field_do_not_move_window(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    start_field(page).fill("00:00:01.5")
    start_field(page).press("End")
    start_field(page).press("ArrowLeft")
    start_field(page).press("Space")
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible()
    assert current_time_s(page) < 1.6
    expect(start_field(page)).to_have_value("00:00:01. 5")


def test_shortcuts_can_be_disabled(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    page.get_by_text("Keys", exact=True).click()
    page.get_by_label("Use these keys").uncheck()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    slider(page).press("ArrowRight")
    expect(start_field(page)).to_have_value("00:00:00.100")


def test_invalid_start_is_explained(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    message = "field => field.validationMessage"
    start_field(page).fill("soon")
    assert "00:00:12.4" in start_field(page).evaluate(message)
    start_field(page).fill("7")
    assert "0:02.0 or earlier" in start_field(page).evaluate(message)
    start_field(page).fill("1.5")
    assert start_field(page).evaluate(message) == ""
    expect(slider(page)).to_have_value("1.5")


def test_zoomed_timeline_keeps_window_in_view(open_studio: OpenStudio, long_clip: Path) -> None:
    page = open_studio(long_clip)
    zoom_in = page.get_by_role("button", name="Show less of the clip")
    zoom_out = page.get_by_role("button", name="Show more of the clip")
    expect(zoom_out).to_be_disabled()
    for _ in range(3):
        zoom_in.click()
    expect(zoom_in).to_be_disabled()
    expect(page.locator("[data-part=view_end]")).to_have_text("0:15.0")
    page.get_by_role("heading", level=1).click()
    for _ in range(20):
        page.keyboard.press("Shift+ArrowRight")
    expect(start_field(page)).to_have_value("00:00:20.000")
    expect(page.locator("[data-part=view_start]")).not_to_have_text("0:00.0")
    track, window = (page.locator(f"[data-part={part}]").bounding_box() for part in ("track", "selection"))
    assert track
    assert window
    assert window["x"] >= track["x"] - 1
    assert window["x"] + window["width"] <= track["x"] + track["width"] + 1
    zoom_out.click()
    expect(zoom_in).to_be_enabled()


def test_zoomed_timeline_scrolls_while_window_is_held_at_edge(
    open_studio: OpenStudio, long_clip: Path
) -> None:
    page = open_studio(long_clip)
    for _ in range(3):
        page.get_by_role("button", name="Show less of the clip").click()
    track = page.locator("[data-part=track]").bounding_box()
    assert track
    page.mouse.move(track["x"] + track["width"] / 4, track["y"] + 20)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] - 5, track["y"] + 20, steps=4)
    expect(page.locator("[data-part=view_start]")).to_have_text(re.compile("^(0:[2-9]|1:)"))
    page.mouse.up()


def test_short_clip_has_no_timeline(open_studio: OpenStudio, tmp_path: Path) -> None:
    page = open_studio(clips.make_clip(tmp_path / "short.mp4", seconds=3))
    wait_for_end_frames(page)
    expect(page.get_by_text("This clip is 3 sec long")).to_be_visible()
    expect(start_field(page)).to_be_hidden()
    expect(page.locator("[data-part=track]")).to_be_hidden()
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("2")
    expect(page.locator("[data-part=track]")).to_be_visible()


def test_local_file_can_be_trimmed_during_upload(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    info = {"duration_s": 8, "fps": 30}
    video_url = page.get_attribute("#studio", "data-video-url")
    page.evaluate(SHOW_LOCAL_FILE, {"url": video_url, "type": "video/mp4"})
    wait_for_end_frames(page)
    assert page.get_attribute("#studio video", "src") != page.get_attribute("#studio", "data-video-url")
    expect(page.get_by_role("button", name="Find the best loop")).to_be_disabled()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    expect(start_field(page)).to_have_value("00:00:00.100")
    page.evaluate(
        "info => document.querySelector('#studio').dispatchEvent("
        "new CustomEvent('chromi:uploaded', { detail: { info } }))",
        info,
    )
    expect(page.get_by_role("button", name="Find the best loop")).to_be_enabled()


def test_focus_moves_from_disabled_button_to_other_zoom_button(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip, "?duration=1")
    wait_for_end_frames(page)
    zoom_in = button_named(page, "Show less of the clip")
    zoom_out = button_named(page, "Show more of the clip")
    tab_to_and_press(page, zoom_in)
    expect(zoom_in).to_be_disabled()
    expect(zoom_out).to_be_focused()
    page.keyboard.press("Enter")
    expect(zoom_out).to_be_disabled()
    expect(zoom_in).to_be_focused()
    find_loops = button_named(page, "Find the best loop")
    tab_to(page, find_loops)
    with page.expect_response("**/loops/"):
        page.keyboard.press("Enter")
    assert has_focus(page)
    expect(page.locator("#announcer")).to_have_text(re.compile("Looking|Waiting"))
    expect(find_loops).to_be_focused()

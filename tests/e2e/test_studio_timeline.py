"""Selecting a part of the clip in the studio: the timeline, its keys and the field with the start."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import OpenStudio
from tests.support import clips
from tests.support.keyboard import button_named, tab_to_and_press
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
    expect(start_field(page)).to_have_value(re.compile(r"0:0(0\.9|1\.0)\d*"))
    assert before[0] != before[1]
    wait_for_end_frames(page, other_than=before)
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile(r"0:0[01]\.\d to 0:0[67]\.\d"))
    expect(page).to_have_url(re.compile(r"start_time=0(:|%3A)0[01]"))
    drag(page, page.locator("[data-part=selection]"), 5000)
    expect(start_field(page)).to_have_value("0:02.0")


def test_click_beside_window_centers_it_there(open_studio: OpenStudio, long_clip: Path) -> None:
    page = open_studio(long_clip)
    expect(page.locator("[data-part=view_end]")).to_have_text("2:00.0")
    page.locator("[data-part=track]").click()
    expect(start_field(page)).to_have_value(re.compile(r"0:5[67]\.\d+"))


def test_keys_move_window(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    start = start_field(page)
    for key, value in [
        ("ArrowRight", "0:00.1"),
        ("Shift+ArrowRight", "0:01.1"),
        ("ArrowLeft", "0:01.0"),
        ("Shift+ArrowLeft", "0:00.0"),
    ]:
        page.keyboard.press(key)
        expect(start).to_have_value(value)
    slider(page).focus()
    page.keyboard.press("End")
    expect(start).to_have_value("0:02.0")
    wait_for_time(page, 2)
    page.keyboard.press("Home")
    expect(start).to_have_value("0:00.0")

    # Keys that are typed in a field do not.
    start_field(page).fill("00:00:01.5")
    start_field(page).press("End")
    start_field(page).press("ArrowLeft")
    start_field(page).press("Space")
    expect(page.get_by_role("button", name="Play loop")).to_be_visible()
    assert current_time_s(page) < 1.6
    expect(start_field(page)).to_have_value("00:00:01. 5")


def test_shortcuts_can_be_disabled(open_studio: OpenStudio, plain_clip: Path) -> None:
    page = open_studio(plain_clip)
    wait_for_end_frames(page)
    page.get_by_text("Keyboard shortcuts", exact=True).click()
    page.get_by_label("Enable shortcuts").uncheck()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    slider(page).press("ArrowRight")
    expect(start_field(page)).to_have_value("0:00.1")


def test_zoomed_timeline_keeps_window_in_view(open_studio: OpenStudio, long_clip: Path) -> None:
    page = open_studio(long_clip)
    zoom_in = page.get_by_role("button", name="Zoom in on the timeline")
    zoom_out = page.get_by_role("button", name="Zoom out of the timeline")
    expect(zoom_out).to_be_disabled()
    for _ in range(3):
        zoom_in.click()
    expect(zoom_in).to_be_disabled()
    expect(page.locator("[data-part=view_end]")).to_have_text("0:15.0")
    page.get_by_role("heading", level=1).click()
    for _ in range(20):
        page.keyboard.press("Shift+ArrowRight")
    expect(start_field(page)).to_have_value("0:20.0")
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
        page.get_by_role("button", name="Zoom in on the timeline").click()
    page.evaluate("scrollTo(0, 0)")
    track = page.locator("[data-part=track]").bounding_box()
    assert track
    page.mouse.move(track["x"] + track["width"] / 4, track["y"] + 20)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] - 5, track["y"] + 20, steps=4)
    expect(page.locator("[data-part=view_start]")).to_have_text(re.compile("^(0:[2-9]|1:)"))
    page.mouse.up()


def test_short_clip_can_be_made_shorter(open_studio: OpenStudio, tmp_path: Path) -> None:
    page = open_studio(clips.make_clip(tmp_path / "short.mp4", seconds=3))
    wait_for_end_frames(page)
    expect(page.get_by_text("This video is 3 sec long")).to_be_visible()
    expect(start_field(page)).to_be_hidden()
    page.get_by_label("Maximum length (1 to 10 sec)").fill("2")
    expect(start_field(page)).to_be_visible()
    expect(page.get_by_text("This video is 3 sec long")).to_be_hidden()


def test_very_short_clip_is_played_back_and_forth(open_studio: OpenStudio, tmp_path: Path) -> None:
    page = open_studio(clips.make_clip(tmp_path / "short.mp4", seconds=0.5))
    back_and_forth = page.get_by_role("radio", name="Back and forth")
    expect(back_and_forth).to_be_checked()
    wait_for_end_frames(page)
    expect(page.locator("[data-part=summary]")).to_contain_text("0.9 sec")
    expect(
        page.get_by_text("This video is 0.5 sec long. Played back and forth, it lasts about 0.9 sec.")
    ).to_be_visible()
    expect(page.get_by_label("length (1 to 10 sec)")).to_be_hidden()
    page.goto(page.url)
    expect(back_and_forth).to_be_checked()


def handle(page: Page, edge: str) -> Locator:
    return page.locator(f"[data-edge={edge}]")


def test_dragging_handles_changes_length(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip, "?start_time=1")
    wait_for_end_frames(page)
    length = page.get_by_label("Length (1 to 10 sec)")
    track = page.locator("[data-part=track]").bounding_box()
    assert track
    second_px = track["width"] / 8
    drag(page, handle(page, "end"), 0.6 * second_px)
    expect(length).to_have_value(re.compile(r"^6\.[56]$"))
    expect(start_field(page)).to_have_value("0:01.0")
    drag(page, handle(page, "start"), 1.5 * second_px)
    expect(length).to_have_value(re.compile(r"^5(\.1)?$"))
    expect(start_field(page)).to_have_value(re.compile(r"^0:02\.[456]"))
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile(r"to 0:07\.[567]$"))
    drag(page, handle(page, "start"), -0.8 * second_px)
    expect(length).to_have_value("6")  # snaps
    drag(page, handle(page, "end"), 5000)
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile(r"to 0:08\.0$"))
    drag(page, handle(page, "start"), 5000)
    expect(length).to_have_value("1")
    expect(page).to_have_url(re.compile("duration=1(&|$)"))


def test_local_file_can_be_trimmed_during_upload(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    info = {"duration_s": 8, "fps": 30}
    video_url = page.get_attribute("#studio", "data-video-url")
    page.evaluate(SHOW_LOCAL_FILE, {"url": video_url, "type": "video/mp4"})
    wait_for_end_frames(page)
    assert page.get_attribute("#studio video", "src") != page.get_attribute("#studio", "data-video-url")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    expect(start_field(page)).to_have_value("0:00.1")
    with page.expect_response("**/estimates/"):
        page.evaluate(
            "info => document.querySelector('#studio').dispatchEvent("
            "new CustomEvent('chromi:uploaded', { detail: { info } }))",
            info,
        )


def test_focus_moves_from_disabled_button_to_other_zoom_button(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip, "?duration=1")
    wait_for_end_frames(page)
    zoom_in = button_named(page, "Zoom in on the timeline")
    zoom_out = button_named(page, "Zoom out of the timeline")
    tab_to_and_press(page, zoom_in)
    expect(zoom_in).to_be_disabled()
    expect(zoom_out).to_be_focused()
    page.keyboard.press("Enter")
    expect(zoom_out).to_be_disabled()
    expect(zoom_in).to_be_focused()

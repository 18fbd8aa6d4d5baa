"""Playing the loop in the studio."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenStudio
from tests.support.studio_page import slider, start_field, wait_for_end_frames, wait_for_time

pytestmark = pytest.mark.browser


def test_frames_are_stepped_and_set_as_start(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    for key, seconds in [(".", 1 / 30), (".", 2 / 30), (".", 3 / 30), (",", 2 / 30)]:
        page.keyboard.press(key)
        wait_for_time(page, seconds)
    page.get_by_role("button", name="One frame on").click()
    wait_for_time(page, 3 / 30)
    page.keyboard.press("i")
    expect(start_field(page)).to_have_value("00:00:00.100")


def test_space_plays_window_in_loop(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip, "?duration=1&start_time=2")
    wait_for_end_frames(page)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.evaluate(
        """() => {
          const video = document.querySelector("#studio video");
          window.times = [];
          const record = () => { window.times.push(video.currentTime); requestAnimationFrame(record); };
          requestAnimationFrame(record); // runs after the player's own callback of each frame
        }"""
    )
    page.wait_for_function("() => times.some((s, i) => i && s < times[i - 1] - 0.5)")
    times: list[float] = page.evaluate("times")
    assert max(times) < 3.3
    assert min(times) > 1.9
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible()
    assert page.evaluate("document.querySelector('#studio video').paused")


@pytest.mark.parametrize(
    "query", ["loop=boomerang", "loop=crossfade&start_time=1", "reverse=on", "speed=2&reverse=on"]
)
def test_loops_that_video_cannot_play_are_played_frame_by_frame(
    open_studio: OpenStudio, clip: Path, query: str
) -> None:
    page = open_studio(clip, f"?duration=1&{query}")
    wait_for_end_frames(page)
    canvas = page.locator("[data-part=frame_canvas]")
    expect(canvas).to_be_hidden()
    page.keyboard.press("Space")
    expect(canvas).to_be_visible()
    expect(page.get_by_text("Shown with fewer pictures a second")).to_be_visible()
    page.evaluate(
        """() => {
          window.frames_seen = new Set();
          const canvas = document.querySelector("[data-part=frame_canvas]");
          const record = () => { window.frames_seen.add(canvas.toDataURL()); requestAnimationFrame(record); };
          record();
        }"""
    )
    page.wait_for_function("() => frames_seen.size >= 6")
    page.keyboard.press("Space")
    expect(canvas).to_be_hidden()


def test_boomerang_shows_frame_where_it_reverses(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    before = wait_for_end_frames(page)
    page.get_by_role("radio", name="Back and forth").check()
    expect(page.get_by_text("Where it turns")).to_be_visible()
    page.wait_for_function(
        "other => document.querySelector('[data-part=last_frame]').toDataURL() !== other", arg=before[1]
    )
    expect(slider(page)).to_have_attribute("aria-valuetext", "0:00.0 to 0:03.0")
    expect(page.get_by_role("button", name="Find the best loop")).to_be_hidden()

"""Playing the loop in the studio."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenStudio
from tests.support.studio_page import slider, start_field, wait_for_end_frames, wait_for_time

pytestmark = pytest.mark.browser


def test_frames_are_stepped_and_set_as_start(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    for key, seconds in [(".", 1 / 30), (".", 2 / 30), (".", 3 / 30), (",", 2 / 30)]:
        page.keyboard.press(key)
        wait_for_time(page, seconds)
    page.get_by_role("button", name="One frame forward").click()
    wait_for_time(page, 3 / 30)
    page.keyboard.press("i")
    expect(start_field(page)).to_have_value("0:00.1")


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
    expect(page.get_by_role("button", name="Play loop")).to_be_visible()
    assert page.evaluate("document.querySelector('#studio video').paused")


@pytest.mark.parametrize("query", ["loop=boomerang", "loop=crossfade&start_time=1", "speed=2&reverse=on"])
def test_loops_that_video_cannot_play_are_played_frame_by_frame(
    open_studio: OpenStudio, clip: Path, query: str
) -> None:
    page = open_studio(clip, f"?duration=1&{query}")
    wait_for_end_frames(page)
    canvas = page.locator("[data-part=frame_canvas]")
    expect(canvas).to_be_hidden()
    page.keyboard.press("Space")
    expect(canvas).to_be_visible()
    expect(page.get_by_text("This preview shows fewer frames per second")).to_be_visible()
    page.evaluate(
        """() => {
          window.frames_seen = new Set();
          const canvas = document.querySelector("[data-part=frame_canvas]");
          setInterval(() => window.frames_seen.add(canvas.toDataURL()), 100);
        }"""
    )
    page.wait_for_function("() => frames_seen.size >= 6")
    page.keyboard.press("Space")
    expect(canvas).to_be_hidden()


def test_boomerang_shows_frame_where_it_reverses(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    before = wait_for_end_frames(page)
    page.get_by_role("radio", name="Back and forth").check()
    expect(page.get_by_text("Turning point")).to_be_visible()
    page.wait_for_function(
        "other => document.querySelector('[data-part=last_frame]').toDataURL() !== other", arg=before[1]
    )
    expect(slider(page)).to_have_attribute("aria-valuetext", "0:00.0 to 0:03.0")
    expect(page.locator("[data-part=selection_times]")).to_have_text("0:00.0 – 0:03.0, back and forth")


def test_end_frames_wait_for_frames_that_are_presented_late(
    page: Page, open_studio: OpenStudio, clip: Path
) -> None:
    """As on a busy computer: after "seeked", the first frame is presented, and only then the right one."""
    page.add_init_script(
        """
        const presentedS = new WeakMap();
        const callbacks = new WeakMap();
        const request = HTMLVideoElement.prototype.requestVideoFrameCallback;
        const present = (video, now, metadata) => {
          presentedS.set(video, metadata.mediaTime);
          callbacks.get(video)(now, metadata);
        };
        const watch = (video) => request.call(video, (...frame) => {
          if (frame[1].mediaTime > 0) setTimeout(present, 200, video, ...frame);
          watch(video);
        });
        HTMLVideoElement.prototype.requestVideoFrameCallback = function (onFrame) {
          if (!callbacks.has(this)) {
            watch(this);
            const presentFirstFrame = () => present(this, performance.now(), { mediaTime: 0 });
            this.addEventListener("seeked", presentFirstFrame, { once: true });
          }
          callbacks.set(this, onFrame);
        };
        const draw = CanvasRenderingContext2D.prototype.drawImage;
        CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
          if (presentedS.has(source)) this.canvas.dataset.presentedS = presentedS.get(source);
          draw.call(this, source, ...rest);
        };
        """
    )
    open_studio(clip, "?start_time=1&duration=2")
    last_frame = page.locator("[data-part=last_frame]")
    expect(last_frame).to_have_attribute("data-presented-s", re.compile("^2.9"))
    expect(page.locator("[data-part=first_frame]")).to_have_attribute(
        "data-presented-s", re.compile("^1($|.0)")
    )


def test_effects_are_previewed_as_css_filters_in_the_encoders_order(
    open_studio: OpenStudio, clip: Path
) -> None:
    """tests/e2e/test_css_filters.py compares the filters themselves with the encoder."""
    page = open_studio(clip, "?brightness=120&saturation=50")
    wait_for_end_frames(page)
    effects = page.locator(".player-effects")
    page.get_by_label("Blur", exact=True).fill("4")
    page.get_by_label("Darken").fill("30")
    width = page.evaluate("document.querySelector('.player').clientWidth")
    filters: str = effects.evaluate("element => getComputedStyle(element).backdropFilter")
    blur = re.fullmatch(r"blur\(([\d.]+)px\) brightness\(1.2\) saturate\(0.5\)", filters)
    assert blur
    assert float(blur[1]) == pytest.approx(4 * width / 1280, abs=0.01)
    expect(effects).to_have_css("background-color", "rgba(0, 0, 0, 0.3)")
    expect(page.locator("output[for=darken]")).to_have_text("30%")
    expect(page).to_have_url(re.compile("darken=30"))


def test_new_tab_page_can_be_shown_over_the_video(open_studio: OpenStudio, clip: Path) -> None:
    page = open_studio(clip)
    wait_for_end_frames(page)
    expect(page.locator(".new-tab-search")).to_be_hidden()
    note = page.get_by_text("Laptop screens cut off the shaded strips.")
    expect(note).to_be_hidden()
    page.get_by_label("Show Chrome’s new tab page").check()
    expect(page.locator(".new-tab-search")).to_be_visible()
    expect(note).to_be_visible()

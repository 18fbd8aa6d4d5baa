"""Calculations in the scripts: window, timeline, framing, chunk sizes and number formats."""

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from chromi.web.http.template_filters import filesize

pytestmark = pytest.mark.browser

TRIM_WINDOW = """async (changes) => {
  const { TrimWindow } = await import("/js/trim-window.js");
  const trimWindow = new TrimWindow();
  let events = 0;
  trimWindow.addEventListener("change", () => (events += 1));
  for (const change of changes) trimWindow.set(change);
  const { startS, endS, lastStartS, isWholeClip } = trimWindow;
  return { startS, endS, lastStartS, isWholeClip, events };
}"""

TIMELINE_VIEW = """async ([change, actions]) => {
  const { TrimWindow } = await import("/js/trim-window.js");
  const { TimelineView } = await import("/js/timeline-view.js");
  const trimWindow = new TrimWindow();
  const view = new TimelineView(trimWindow);
  trimWindow.set(change);
  view.reveal();
  for (const [name, value] of actions) view[name](value);
  const { zoom, maxZoom, startS, spanS } = view;
  const [middle, windowAt] = [view.timeAt(0.5), view.fractionOf(trimWindow.startS)];
  return { zoom, maxZoom, startS, spanS, middle, windowAt };
}"""

FRAME_LAYOUT = """async (options) => {
  const { FrameLayout } = await import("/js/frame-layout.js");
  const layout = new FrameLayout(options);
  const { isFilled, kept, frame } = layout;
  return { isFilled, kept, frame, moved: layout.focusAt([0.1, 0.9]) };
}"""


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    """Return the result of a function that one of our modules exports."""
    script = """async ([module, name, values]) => {
      const exported = await import(`/js/${module}`);
      return exported[name](...values);
    }"""
    return page.evaluate(script, [module, function, list(arguments)])


# -- window ------------------------------------------------------------------------------------------------


def test_window_start_is_limited_once_duration_is_known(modules_page: Page) -> None:
    changes = [{"startS": 50}, {"clipDurationS": 10}]
    assert modules_page.evaluate(TRIM_WINDOW, changes[:1])["startS"] == 50
    window = modules_page.evaluate(TRIM_WINDOW, changes)
    assert (window["startS"], window["endS"], window["lastStartS"]) == (4, 10, 4)


def test_window_covers_whole_clip_if_clip_is_shorter(modules_page: Page) -> None:
    window = modules_page.evaluate(TRIM_WINDOW, [{"clipDurationS": 3, "startS": 2}])
    assert (window["startS"], window["endS"], window["isWholeClip"]) == (0, 3, True)


def test_window_start_is_rounded_to_milliseconds(modules_page: Page) -> None:
    window = modules_page.evaluate(TRIM_WINDOW, [{"clipDurationS": 60}, {"startS": 1.23456}])
    assert window["startS"] == 1.235


def test_window_dispatches_change_only_if_something_changed(modules_page: Page) -> None:
    changes = [{"clipDurationS": 60}, {"startS": 2}, {"startS": 2}, {"startS": -1}, {"startS": 0}]
    assert modules_page.evaluate(TRIM_WINDOW, changes)["events"] == 3


@pytest.mark.parametrize(
    ("settings", "length_s"),
    [
        ({"lengthS": 6, "speed": 1, "loop": "cut"}, 6),
        ({"lengthS": 6, "speed": 2, "loop": "crossfade"}, 12),
        ({"lengthS": 6, "speed": 0.5, "loop": "boomerang"}, 1.5),
    ],
)
def test_window_length_depends_on_speed_and_loop(
    modules_page: Page, settings: dict[str, Any], length_s: float
) -> None:
    assert call(modules_page, "studio-settings.js", "windowLengthS", settings) == length_s


# -- timeline ----------------------------------------------------------------------------------------------


def test_timeline_zooms_until_window_takes_up_two_fifths(modules_page: Page) -> None:
    view = modules_page.evaluate(TIMELINE_VIEW, [{"clipDurationS": 120, "startS": 60}, [["zoomTo", 9]]])
    assert (view["zoom"], view["maxZoom"], view["spanS"]) == (3, 3, 15)
    assert view["middle"] == 63, "the window is in the middle"


def test_timeline_of_short_clip_cannot_be_zoomed(modules_page: Page) -> None:
    view = modules_page.evaluate(TIMELINE_VIEW, [{"clipDurationS": 12}, [["zoomTo", 1]]])
    assert (view["zoom"], view["maxZoom"], view["startS"], view["spanS"]) == (0, 0, 0, 12)


def test_timeline_scrolls_within_clip(modules_page: Page) -> None:
    change = {"clipDurationS": 120, "startS": 60}
    right = modules_page.evaluate(TIMELINE_VIEW, [change, [["zoomTo", 2], ["scrollBy", 99]]])
    assert right["startS"] == 90
    left = modules_page.evaluate(TIMELINE_VIEW, [change, [["zoomTo", 2], ["scrollBy", -99]]])
    assert left["startS"] == 0


def test_timeline_reveals_window_with_margin(modules_page: Page) -> None:
    change = {"clipDurationS": 120, "startS": 60}
    actions = [["zoomTo", 2], ["scrollTo", 0], ["reveal", None]]
    view = modules_page.evaluate(TIMELINE_VIEW, [change, actions])
    assert view["startS"] == pytest.approx(66 + 0.02 * 30 - 30)
    assert 0 <= view["windowAt"] <= 1


# -- framing -----------------------------------------------------------------------------------------------


def lay_out(page: Page, ratio: float, framing: str, zoom: float = 1, focus: Any = (0.5, 0.5)) -> Any:
    options = {"ratio": ratio, "framing": framing, "zoom": zoom, "focus": list(focus)}
    return page.evaluate(FRAME_LAYOUT, options)


def as_box(left: float, top: float, width: float, height: float) -> Any:
    return pytest.approx({"left": left, "top": top, "width": width, "height": height}, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "zoom", "focus", "kept"),
    [
        (16 / 9, 1, (0.5, 0.5), (0, 0, 1, 1)),
        (16 / 9, 2, (0.5, 0.5), (0.25, 0.25, 0.5, 0.5)),
        (16 / 9, 2, (0, 1), (0, 0.5, 0.5, 0.5)),
        (32 / 9, 1, (0.5, 0.5), (0.25, 0, 0.5, 1)),
        (32 / 9, 1, (0.1, 0.5), (0, 0, 0.5, 1)),
        (32 / 9, 2, (0.5, 0), (0.375, 0, 0.25, 0.5)),
        (8 / 9, 1, (0.5, 1), (0, 0.5, 1, 0.5)),
    ],
)
def test_fill_keeps_16_9_part_around_focus(
    modules_page: Page,
    ratio: float,
    zoom: float,
    focus: tuple[float, float],
    kept: tuple[float, float, float, float],
) -> None:
    layout = lay_out(modules_page, ratio, "fill", zoom, focus)
    left, top, width, height = kept
    assert layout["kept"] == as_box(left, top, width, height)
    assert layout["frame"] == as_box(-left / width, -top / height, 1 / width, 1 / height)


@pytest.mark.parametrize(
    ("ratio", "zoom", "frame"),
    [
        (8 / 9, 1, (0.25, 0, 0.5, 1)),
        (32 / 9, 1, (0, 0.25, 1, 0.5)),
        (8 / 9, 2, (0, -0.5, 1, 2)),  # as wide as the background
        (8 / 9, 3, (-0.25, -1, 1.5, 3)),
    ],
)
def test_fit_centers_whole_frame_and_enlarges_it(
    modules_page: Page, ratio: float, zoom: float, frame: tuple[float, float, float, float]
) -> None:
    assert lay_out(modules_page, ratio, "fit", zoom)["frame"] == as_box(*frame)


def test_clip_of_nearly_16_9_is_cropped_even_to_fit(modules_page: Page) -> None:
    layout = lay_out(modules_page, 1.79, "fit")
    assert layout["isFilled"]
    assert layout["kept"]["width"] == pytest.approx(16 / 9 / 1.79)


def test_focus_moves_only_along_cropped_axes(modules_page: Page) -> None:
    assert lay_out(modules_page, 8 / 9, "fill")["moved"] == [0.5, 0.75]
    assert lay_out(modules_page, 32 / 9, "fill")["moved"] == [0.25, 0.5]
    assert lay_out(modules_page, 16 / 9, "fill", 2)["moved"] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("window_s", "settings", "length_s"),
    [
        (4.04, {"speed": 1, "loop": "cut"}, 4),
        (5.8, {"speed": 1, "loop": "cut"}, 6),
        (5.7, {"speed": 1, "loop": "cut"}, 5.7),
        (2.9, {"speed": 1, "loop": "boomerang"}, 6),
        (8, {"speed": 2, "loop": "cut"}, 4),
        (30, {"speed": 1, "loop": "cut"}, 10),
        (0.2, {"speed": 1, "loop": "cut"}, 1),
    ],
)
def test_dragged_length_is_tenths_and_snaps_to_six_seconds(
    modules_page: Page, window_s: float, settings: dict[str, Any], length_s: float
) -> None:
    assert call(modules_page, "studio-settings.js", "backgroundLengthS", window_s, settings) == length_s


# -- sizes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk_bytes", "duration_ms", "next_bytes"),
    [
        (1_000_000, 500, 2_000_000),
        (4_000_000, 500, 4_000_000),
        (1_000_000, 2000, 1_000_000),
        (1_000_000, 5000, 500_000),
        (250_000, 5000, 250_000),
    ],
)
def test_chunk_size_follows_speed(
    modules_page: Page, chunk_bytes: int, duration_ms: int, next_bytes: int
) -> None:
    assert call(modules_page, "tus-client.js", "nextChunkBytes", chunk_bytes, duration_ms) == next_bytes


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(10_000_000, "10 MB"), (12_250_000, "12.2 MB"), (99_940_000, "99.9 MB"), (157_300_000, "157 MB")],
)
def test_file_size_is_formatted_as_on_the_server(
    app: Flask, modules_page: Page, size_bytes: int, text: str
) -> None:
    assert call(modules_page, "format.js", "megabytes", size_bytes) == text
    with app.test_request_context():
        assert filesize(size_bytes) == text


def test_numbers_are_formatted_in_page_language(modules_page: Page) -> None:
    assert call(modules_page, "format.js", "megabyteLimit", "7.5") == "7.5 MB"
    assert call(modules_page, "format.js", "decimal", "1.05") == "1.05"
    assert call(modules_page, "format.js", "percent", 0.714) == "71%"
    assert call(modules_page, "format.js", "seconds", 4.25) == "4.2 sec"
    assert call(modules_page, "format.js", "seconds", 42.5) == "42 sec"
    assert call(modules_page, "format.js", "fill", "{a} of {b}", {"a": 1, "b": 2}) == "1 of 2"

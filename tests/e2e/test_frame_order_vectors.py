"""The studio orders frames like the encoder: both are checked against the same table of test vectors."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from chromi.encoder.frames.frame_order import order_frames, read_from_s
from chromi.encoder.options import ConversionOptions
from tests.support.frame_order_vectors import PATH, SPEEDS, Shown, decode, make_options

pytestmark = pytest.mark.browser

TABLE: dict[str, Any] = json.loads(PATH.read_text())

ORDER_FRAME_TIMES = """async (json) => {
  const { readSettings } = await import("/js/studio-settings.js");
  const { orderFrameTimes } = await import("/js/frame-order.js");
  const limits = { duration: { min: "1", max: "10" }, speed: { min: "0.5", max: "2" } };
  const order = ({ duration, speed, loop, reverse, short, startS, clipDurationS }) => {
    const texts = { duration, speed, loop, short, framing: "fill", pad: "auto", focus: "0.5,0.5" };
    const fields = Object.entries(texts).map(([name, value]) => [name, { value, ...limits[name] }]);
    const elements = { ...Object.fromEntries(fields), reverse: { checked: reverse } };
    return orderFrameTimes({ ...readSettings({ elements }), startS, clipDurationS });
  };
  return JSON.stringify(JSON.parse(json).map(order));
}"""
"""Order the frames of each case as the studio does, starting from the text in its form fields."""

Times = list[tuple[float, ...]]
"""The GIF's frames: (time,), or (time, time of the frame that fades in, its opacity)."""
Case = tuple[dict[str, Any], Times]
"""The form's field values and the clip, and the expected times."""


def make_case(
    options: ConversionOptions, typed: dict[str, str], shown: Shown, fade: int, from_s: float, clip_s: float
) -> Case:
    form = {
        **{"loop": options.loop, "short": options.short, "reverse": options.reverse},
        **{"startS": options.start_s, "clipDurationS": clip_s, "duration": "6", "speed": "1", **typed},
    }
    times: Times = []
    blended = 0
    for item in shown:
        frames = (item,) if isinstance(item, int) else item
        frame_times = tuple(from_s + frame * options.speed / options.fps for frame in frames)
        if len(frames) == 2:
            frame_times += ((blended % fade + 1) / (fade + 1),)
            blended += 1
        times.append(frame_times)
    return form, times


def order_cases() -> list[Case]:
    """Return each order at each speed, for a clip with that many frames after the start of reading."""
    cases = []
    for case in TABLE["orders"]:
        for speed in SPEEDS:
            options = make_options(case | {"start_time": "3", "speed": speed})
            from_s = read_from_s(options)
            for count, text in case["shown"].items():
                clip_s = from_s + int(count) * options.speed / options.fps
                fade = order_frames(int(count), options).fade_frames
                typed = {"duration": case["duration"], "speed": speed}
                cases.append(make_case(options, typed, decode(text), fade, from_s, clip_s))
    return cases


def read_cases() -> list[Case]:
    """Return cases for the start of reading and the number of frames in clips of various lengths."""
    cases = []
    for case in TABLE["reads"]:
        options = make_options(case)
        order = order_frames(case["count"], options)
        typed = {"speed": case["speed"]}
        shown = list(order.shown)
        cases.append(make_case(options, typed, shown, order.fade_frames, case["from_s"], case["clip_s"]))
    return cases


def length_cases() -> list[Case]:
    """Return cases for the number of frames in a typed length; the clip is long enough."""
    return [
        make_case(
            ConversionOptions(), {"duration": case["duration"]}, list(range(case["frames"])), 0, 0.0, 60.0
        )
        for case in TABLE["frames"]
    ]


def short_crossfade_cases() -> list[Case]:
    """Return the cases of a clip of two seconds that is too short for a crossfade of six."""
    cases = []
    for short in ("play", "repeat", "boomerang"):
        options = ConversionOptions.parse(loop="crossfade", short=short)
        order = order_frames(48, options)
        cases.append(make_case(options, {}, list(order.shown), order.fade_frames, 0.0, 2.0))
    assert [len(times) for _, times in cases] == [36, 144, 144]
    return cases


@pytest.mark.parametrize("make_cases", [order_cases, read_cases, length_cases, short_crossfade_cases])
def test_studio_orders_frames_like_encoder(modules_page: Page, make_cases: Callable[[], list[Case]]) -> None:
    cases = make_cases()
    assert cases
    forms = json.dumps([form for form, _ in cases])
    orders: list[Times] = json.loads(modules_page.evaluate(ORDER_FRAME_TIMES, forms))
    for (form, expected), order in zip(cases, orders, strict=True):
        assert len(order) == len(expected), form
        for times, expected_times in zip(order, expected, strict=True):
            assert times == pytest.approx(expected_times, abs=1e-6), form

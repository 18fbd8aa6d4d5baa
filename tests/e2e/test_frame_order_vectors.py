"""The studio's side of the table that tests/encoder/test_order_vectors.py holds the encoder to."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from chromi.encoder.frames.frame_order import order_frames, read_from_s
from chromi.encoder.options import ConversionOptions
from tests.support.frame_order_vectors import PATH, SPEEDS, Shown, decode, make_options
from tests.support.paths import ROOT

pytestmark = pytest.mark.browser

TABLE: dict[str, Any] = json.loads(PATH.read_text())

FIND_DIFFERENCES = """async (json) => {
  const { readSettings } = await import("/js/settings.js");
  const { orderPictures } = await import("/js/order.js");
  const field = (value) => ({ value, validity: { valid: true } });
  const order = ({ duration, speed, loop, reverse, short, startS, clipS }) => {
    const texts = { duration, speed, loop, short, framing: "fill", pad: "auto", focus: "0.5,0.5" };
    const fields = Object.entries(texts).map(([name, value]) => [name, field(value)]);
    const elements = { ...Object.fromEntries(fields), reverse: { checked: reverse } };
    return orderPictures({ ...readSettings({ elements }), startS, clipS });
  };
  const isNear = (one, other) => Math.abs(one - other) < 1e-6;
  const isSameList = (one, other, isSame) =>
    one.length === other.length && one.every((each, i) => isSame(each, other[i]));
  const isSame = (shown, expected) =>
    isSameList(shown, expected, (one, other) => isSameList(one, other, isNear));
  const differing = JSON.parse(json).map(([options, expected]) => [options, expected, order(options)]);
  return JSON.stringify(differing.filter(([, expected, shown]) => !isSame(shown, expected)).slice(0, 3));
}"""
"""FrameOrder the pictures of each case as the studio does, from its form on; return some that differ."""

Case = tuple[dict[str, Any], list[tuple[float, ...]]]


def case_of(
    options: ConversionOptions, typed: dict[str, str], shown: Shown, fade: int, from_s: float, clip_s: float
) -> Case:
    """What the studio is asked, and the times in the clip that it has to answer."""
    options = {
        **{"loop": options.loop, "short": options.short, "reverse": options.reverse},
        **{"startS": options.start_s, "clipS": clip_s, "duration": "6", "speed": "1", **typed},
    }
    expected: list[tuple[float, ...]] = []
    mixed = 0
    for item in shown:
        frames = (item,) if isinstance(item, int) else item
        times = tuple(from_s + frame * options.speed / options.fps for frame in frames)
        if len(frames) == 2:
            times += ((mixed % fade + 1) / (fade + 1),)
            mixed += 1
        expected.append(times)
    return options, expected


def order_cases() -> list[Case]:
    """Each order at each speed, of a clip that has so many frames from where reading begins."""
    cases = []
    for case in TABLE["orders"]:
        for speed in SPEEDS:
            options = make_options(case | {"start_time": "3", "speed": speed})
            from_s = read_from_s(options)
            for count, text in case["shown"].items():
                clip_s = from_s + int(count) * options.speed / options.fps
                fade = order_frames(int(count), options).fade_frames
                typed = {"duration": case["duration"], "speed": speed}
                cases.append(case_of(options, typed, decode(text), fade, from_s, clip_s))
    return cases


def read_cases() -> list[Case]:
    """Where reading begins, and how many frames a clip of any length has."""
    cases = []
    for case in TABLE["reads"]:
        options = make_options(case)
        order = order_frames(case["count"], options)
        typed = {"speed": case["speed"]}
        shown = list(order.shown)
        cases.append(case_of(options, typed, shown, order.fade_frames, case["from_s"], case["clip_s"]))
    return cases


def length_cases() -> list[Case]:
    """How many frames the typed length means; the clip is long enough."""
    return [
        case_of(
            ConversionOptions(), {"duration": case["duration"]}, list(range(case["frames"])), 0, 0.0, 60.0
        )
        for case in TABLE["frames"]
    ]


def serve_modules(route: Route) -> None:
    """Answer with a script of ours, or with an empty page: no service is needed."""
    path = urlsplit(route.request.url).path
    if path == "/":
        route.fulfill(body="<!doctype html><title>modules</title>", content_type="text/html")
    else:
        route.fulfill(path=ROOT / "chromi/static" / path.removeprefix("/"))


@pytest.mark.parametrize("make_cases", [order_cases, read_cases, length_cases])
def test_the_studio_orders_frames_as_the_encoder_does(page: Page, make_cases: Any) -> None:
    cases = make_cases()
    assert cases
    page.route("http://chromi.test/**", serve_modules)
    page.goto("http://chromi.test/")
    assert json.loads(page.evaluate(FIND_DIFFERENCES, json.dumps(cases))) == []

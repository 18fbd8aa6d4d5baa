"""The scripts match tests/vectors/timecodes.json; tests/web/test_timecode_vectors.py checks Python."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.paths import ROOT

pytestmark = pytest.mark.browser

VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/timecodes.json").read_text())


def test_timecodes_are_parsed_as_in_python(modules_page: Page) -> None:
    parse = """async (texts) => {
      const { parseTimecode } = await import("/js/timecode.js");
      return texts.map(parseTimecode);
    }"""
    parsed = modules_page.evaluate(parse, [case["text"] for case in VECTORS["parse"]])
    for case, seconds in zip(VECTORS["parse"], parsed, strict=True):
        expected = case["seconds"]
        assert seconds == (None if expected is None else pytest.approx(expected, abs=0.0005)), case["text"]


def test_timecodes_are_formatted_as_in_python(modules_page: Page) -> None:
    format_all = """async (times) => {
      const { exactTimecode, shortTimecode } = await import("/js/timecode.js");
      return times.map((seconds) => [exactTimecode(seconds), shortTimecode(seconds)]);
    }"""
    formatted = modules_page.evaluate(format_all, [case["seconds"] for case in VECTORS["format"]])
    assert formatted == [[case["exact"], case["short"]] for case in VECTORS["format"]]

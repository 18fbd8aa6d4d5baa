"""Python matches tests/vectors/timecodes.json; tests/e2e/test_timecode_vectors.py checks the scripts."""

import json
from typing import Any

import pytest
from flask import Flask

from chromi.encoder.timecode import format_timecode, parse_timecode
from chromi.web.http.template_filters import timecode
from tests.support.paths import ROOT

VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/timecodes.json").read_text())


@pytest.mark.parametrize("case", VECTORS["parse"], ids=lambda case: repr(case["text"]))
def test_timecode_is_parsed(case: dict[str, Any]) -> None:
    if case["seconds"] is None:
        with pytest.raises(ValueError):  # noqa: PT011  any message
            parse_timecode(case["text"])
    else:
        assert parse_timecode(case["text"]) == pytest.approx(case["seconds"], abs=0.0005)


@pytest.mark.parametrize("case", VECTORS["format"], ids=lambda case: case["exact"])
def test_timecode_is_formatted(case: dict[str, Any], app: Flask) -> None:
    assert parse_timecode(case["exact"]) == pytest.approx(case["seconds"], abs=0.001), "the studio sends it"
    assert parse_timecode(format_timecode(case["seconds"])) == pytest.approx(case["seconds"], abs=0.001)
    with app.test_request_context():
        assert timecode(case["seconds"]) == case["short"]


def test_timecode_has_decimal_separator_of_language(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "de"}):
        assert timecode(66.5) == "1:06,5"

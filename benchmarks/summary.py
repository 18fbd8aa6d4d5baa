"""The table of results in the project's README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report import NONE, table
from benchmarks.tools import BALANCED, MOVIEPY, PLAIN

_HEADINGS = ("six seconds of", "Chromi", "gifski, same size", "ffmpeg, two passes", "MoviePy")
_MIN_FULL_RATE_FPS = 23.5


def summarize(results: Mapping[str, Any]) -> str:
    """Return a Markdown table: size, SSIMULACRA2, time as a multiple of Chromi's, and fps if below 24."""
    clips = [clip for clip in results["clips"] if clip["tools"].get(BALANCED, {}).get("quality")]
    return table(_HEADINGS, [_row(clip) for clip in clips]) + "\n"


def _row(clip: Mapping[str, Any]) -> list[str]:
    tools, gifski = clip["tools"], clip["gifski_at_equal_bytes"][BALANCED]
    wall_s = tools[BALANCED]["wall_s"]
    cells = [_tool_cell(tools.get(key), wall_s) for key in (BALANCED, PLAIN, MOVIEPY)]
    cells.insert(1, NONE if "not_measured" in gifski else _cell(gifski, gifski["ssimulacra2"], wall_s))
    return [clip["name"].partition(".")[0], *cells]


def _tool_cell(tool: Mapping[str, Any] | None, chromi_wall_s: float) -> str:
    if not tool or not tool["quality"]:
        return NONE
    fps = tool["quality"]["fps"]
    rate = f", {fps:.0f} fps" if fps < _MIN_FULL_RATE_FPS else ""
    return _cell(tool, tool["quality"]["ssimulacra2"], chromi_wall_s) + rate


def _cell(figures: Mapping[str, Any], ssimulacra2: float, chromi_wall_s: float) -> str:
    ratio = figures["wall_s"] / chromi_wall_s
    return f"{figures['bytes'] / 1e6:.1f} MB, SSIMULACRA2 {ssimulacra2:.1f}, time {ratio:.1f}×"

"""The table of results in the project's README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report import NONE, table
from benchmarks.tools import BALANCED, GIFSKI_NEAR, MOVIEPY, PLAIN

_HEADINGS = {
    BALANCED: "Chromi",
    PLAIN: "ffmpeg, two passes",
    GIFSKI_NEAR: "gifski, same size",
    MOVIEPY: "MoviePy",
}


def summarize(results: Mapping[str, Any]) -> str:
    """Return a Markdown table of the results: size, VMAF, and time as a multiple of Chromi's."""
    clips = [clip for clip in results["clips"] if clip["tools"].get(BALANCED, {}).get("quality")]
    rows = [[clip["name"].partition(".")[0], *(_cell(clip, key) for key in _HEADINGS)] for clip in clips]
    return table(("six seconds of", *_HEADINGS.values()), rows) + "\n"


def _cell(clip: Mapping[str, Any], key: str) -> str:
    result, balanced = clip["tools"].get(key), clip["tools"][BALANCED]
    if not result or not result["quality"]:
        return NONE
    ratio = result["wall_s"] / balanced["wall_s"]
    return f"{result['bytes'] / 1e6:.1f} MB, VMAF {result['quality']['vmaf']:.1f}, time {ratio:.1f}×"

"""The few lines of a run that the project's README shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.contenders import BALANCED, GIFSKI_NEAR, MOVIEPY, PLAIN
from benchmarks.report import NONE, table

_HEADINGS = {
    BALANCED: "Chromi",
    PLAIN: "ffmpeg, two passes",
    GIFSKI_NEAR: "gifski, same size",
    MOVIEPY: "MoviePy",
}


def summarise(results: Mapping[str, Any]) -> str:
    """Return a Markdown table of what results.json holds: size, VMAF, and time as a multiple of Chromi's."""
    clips = [clip for clip in results["clips"] if clip["tools"].get(BALANCED, {}).get("quality")]
    rows = [[clip["name"].partition(".")[0], *(_cell(clip, key) for key in _HEADINGS)] for clip in clips]
    return table(("six seconds of", *_HEADINGS.values()), rows) + "\n"


def _cell(clip: Mapping[str, Any], key: str) -> str:
    found, ours = clip["tools"].get(key), clip["tools"][BALANCED]
    if not found or not found["quality"]:
        return NONE
    times = found["wall_s"] / ours["wall_s"]
    return f"{found['bytes'] / 1e6:.1f} MB, VMAF {found['quality']['vmaf']:.1f}, time {times:.1f}×"

"""Run all tools on one clip. Every tool runs once per round, so a slow minute affects all alike."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from benchmarks.clips import Clip
from benchmarks.measure import CommandFailed, Usage, run
from benchmarks.quality import Quality, make_reference, measure_banding, measure_quality
from benchmarks.tools import BALANCED, GIFSKI_100, GIFSKI_NEAR, ROOT, STEPS, Conversion, Tool

_HIGHEST_QUALITY = 100
_MAX_ATTEMPTS = 7
_TYPICAL_LOG_GROWTH = math.log(1.035)
_MAX_EXCESS = 1.01


@dataclass(frozen=True)
class Measurement:
    """What one tool needed for one clip, and what it produced.

    Times are medians over the rounds, and `peak_bytes` is the maximum.
    """

    label: str
    wall_s: float
    cpu_s: float
    peak_bytes: int
    walls_s: tuple[float, ...]
    bytes: int = 0
    quality: Quality | None = None


@dataclass(frozen=True)
class Comparison:
    """All measurements of one clip by tool, why others are missing, and the banding of the clip itself."""

    clip: Clip
    reference_cambi: float | None = None
    measurements: dict[str, Measurement] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class ComparisonRunner:
    """Runs the tools on one clip. `folder` needs about 1 GB."""

    def __init__(self, clip: Clip, folder: Path, report: Callable[[str], None]) -> None:
        self._clip = clip
        self._folder = folder
        self._report = report
        self._usages: dict[str, list[Usage]] = {}
        self._this_round: dict[str, Usage] = {}
        self._near_quality = 0
        self._missing: dict[str, str] = {}

    def run(self, tools: Iterable[Tool], rounds: int, every: int) -> Comparison:
        """Run all tools `rounds` times and measure each `every`-th frame of the last round's GIFs."""
        tools = list(tools)
        for number in range(rounds):
            self._this_round = {}
            for tool in tools:
                if tool.key not in self._missing:
                    self._report(f"{self._clip.name}: {tool.label}, round {number + 1} of {rounds}")
                    self._run_tool(tool)
        reference, reference_cambi = self._folder / "reference.nut", None
        if any(tool.makes_gif for tool in tools) and not self._clip.is_speed_only:
            reference_cambi = measure_banding(make_reference(self._clip, reference), every)
        comparison = Comparison(self._clip, reference_cambi, missing=self._missing)
        for tool in tools:
            if tool.key not in self._missing:
                self._report(f"{self._clip.name}: measuring {tool.label}")
                self._add_measurement(tool, reference, every, comparison)
        return comparison

    def _run_tool(self, tool: Tool) -> None:
        try:
            if tool.key == GIFSKI_NEAR and not self._near_quality:
                self._near_quality = self._find_near_quality(tool)
            usage = self._get_usage(tool)
        except CommandFailed as error:
            self._missing[tool.key] = f"failed: {error}"
        else:
            self._usages.setdefault(tool.key, []).append(usage)

    def _get_usage(self, tool: Tool, quality: int | None = None) -> Usage:
        """Return what a tool and its input step needed in this round. Runs them if they have not run yet."""
        quality = self._quality_of(tool) if quality is None else quality
        name = _folder_name(tool, quality)
        input_usage = self._get_usage(STEPS[tool.input_step], 0) if tool.input_step else None
        if name not in self._this_round:
            conversion = Conversion(self._clip, self._folder / name, self._folder / tool.input_step, quality)
            shutil.rmtree(conversion.folder, ignore_errors=True)
            conversion.folder.mkdir()
            usages = [run(command, cwd=ROOT) for command in tool.commands(conversion)]
            self._this_round[name] = reduce(lambda earlier, later: later.after(earlier), usages)
        own = self._this_round[name]
        return own.after(input_usage) if input_usage else own

    def _quality_of(self, tool: Tool) -> int:
        return {GIFSKI_100: _HIGHEST_QUALITY, GIFSKI_NEAR: self._near_quality}.get(tool.key, 0)

    def _gif(self, tool: Tool) -> Path:
        return self._folder / _folder_name(tool, self._quality_of(tool)) / "out.gif"

    def _find_near_quality(self, gifski: Tool) -> int:
        balanced = self._gif(STEPS[BALANCED])
        if BALANCED in self._missing or not balanced.exists():
            raise CommandFailed("there is no GIF of Chromi balanced whose size it could match")

        def get_size_bytes(quality: int) -> int:
            self._get_usage(gifski, quality)
            return (self._folder / _folder_name(gifski, quality) / "out.gif").stat().st_size

        return find_quality_above(balanced.stat().st_size, get_size_bytes)

    def _add_measurement(self, tool: Tool, reference: Path, every: int, comparison: Comparison) -> None:
        usages, gif = self._usages[tool.key], self._gif(tool)
        size_bytes, quality = 0, None
        if tool.makes_gif:
            size_bytes = gif.stat().st_size
            if reference.exists():
                try:
                    quality = measure_quality(gif, reference, every)
                except CommandFailed as error:
                    comparison.missing[tool.key] = f"its GIF cannot be compared: {error}"
                    return
        comparison.measurements[tool.key] = Measurement(
            self._label(tool, size_bytes, comparison),
            statistics.median(usage.wall_s for usage in usages),
            statistics.median(usage.cpu_s for usage in usages),
            max(usage.peak_bytes for usage in usages),
            tuple(usage.wall_s for usage in usages),
            size_bytes,
            quality,
        )

    def _label(self, tool: Tool, size_bytes: int, comparison: Comparison) -> str:
        if tool.key != GIFSKI_NEAR:
            return tool.label
        is_above = size_bytes >= comparison.measurements[BALANCED].bytes
        relation = "nearest above" if is_above else "its largest, still below"
        return f"gifski Q{self._near_quality}, {relation} balanced"


def find_quality_above(min_bytes: int, get_size_bytes: Callable[[int], int]) -> int:
    """Return the lowest gifski quality, 1 to 100, whose size is at least `min_bytes`; 100 if none is.

    A size up to 1 % above the lowest possible one is accepted, because each attempt takes gifski half a
    minute. One step of quality changes the size by 3 %.
    """
    sizes = {_HIGHEST_QUALITY: get_size_bytes(_HIGHEST_QUALITY)}
    below, above = 0, _HIGHEST_QUALITY
    if sizes[above] < min_bytes:
        return above
    for number in range(_MAX_ATTEMPTS):
        if above - below <= 1 or sizes[above] <= min_bytes * _MAX_EXCESS:
            break
        quality = (below + above) // 2 if number % 2 else _interpolate(min_bytes, sizes, below, above)
        sizes[quality] = get_size_bytes(quality)
        if sizes[quality] >= min_bytes:
            above = quality
        else:
            below = quality
    return above


def _interpolate(min_bytes: int, sizes: dict[int, int], below: int, above: int) -> int:
    """Interpolate: sizes grow by about the same factor from one quality to the next."""
    log_growth = _TYPICAL_LOG_GROWTH
    if below in sizes:
        log_growth = math.log(sizes[above] / sizes[below]) / (above - below)
    steps = math.log(sizes[above] / min_bytes) / log_growth
    return min(max(above - round(steps), below + 1), above - 1)


def _folder_name(tool: Tool, quality: int) -> str:
    return f"gifski-{quality}" if quality else tool.key

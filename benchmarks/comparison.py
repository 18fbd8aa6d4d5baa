"""Run all tools on one clip. Every tool runs once per round, so a slow minute affects all alike."""

from __future__ import annotations

import hashlib
import shutil
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from benchmarks.clips import Clip
from benchmarks.measure import CommandFailed, Usage, run
from benchmarks.quality import Quality, Sampling, make_reference, measure_banding, measure_quality
from benchmarks.tools import ROOT, STEPS, Conversion, Tool


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
        self._missing: dict[str, str] = {}
        self._qualities: dict[str, Quality] = {}

    def run(self, tools: Iterable[Tool], rounds: int, sampling: Sampling) -> Comparison:
        """Run all tools `rounds` times and measure the GIFs of the last round."""
        tools = list(tools)
        for number in range(rounds):
            self._this_round = {}
            for tool in tools:
                if tool.key not in self._missing:
                    self._report(f"{self._clip.name}: {tool.label}, round {number + 1} of {rounds}")
                    self._run_tool(tool)
        reference, reference_cambi = self._folder / "reference.nut", None
        if any(tool.makes_gif for tool in tools) and not self._clip.is_speed_only:
            reference_cambi = measure_banding(make_reference(self._clip, reference), sampling.every)
        comparison = Comparison(self._clip, reference_cambi, missing=self._missing)
        for tool in tools:
            if tool.key not in self._missing:
                self._report(f"{self._clip.name}: measuring {tool.label}")
                self._add_measurement(tool, reference, sampling, comparison)
        return comparison

    def _run_tool(self, tool: Tool) -> None:
        try:
            usage = self._get_usage(tool)
        except CommandFailed as error:
            self._missing[tool.key] = f"failed: {error}"
        else:
            self._usages.setdefault(tool.key, []).append(usage)

    def _get_usage(self, tool: Tool) -> Usage:
        """Return what a tool and its input step needed in this round. Runs them if they have not run yet."""
        input_usage = self._get_usage(STEPS[tool.input_step]) if tool.input_step else None
        if tool.key not in self._this_round:
            conversion = Conversion(self._clip, self._folder / tool.key, self._folder / tool.input_step)
            shutil.rmtree(conversion.folder, ignore_errors=True)
            conversion.folder.mkdir()
            usages = [run(command, cwd=ROOT) for command in tool.commands(conversion)]
            self._this_round[tool.key] = reduce(lambda earlier, later: later.after(earlier), usages)
        own = self._this_round[tool.key]
        return own.after(input_usage) if input_usage else own

    def _add_measurement(
        self, tool: Tool, reference: Path, sampling: Sampling, comparison: Comparison
    ) -> None:
        usages, gif = self._usages[tool.key], self._folder / tool.key / "out.gif"
        size_bytes, quality = 0, None
        if tool.makes_gif:
            size_bytes = gif.stat().st_size
            if reference.exists():
                try:
                    quality = self._measure_once(gif, reference, sampling)
                except CommandFailed as error:
                    comparison.missing[tool.key] = f"its GIF cannot be compared: {error}"
                    return
        comparison.measurements[tool.key] = Measurement(
            tool.label,
            statistics.median(usage.wall_s for usage in usages),
            statistics.median(usage.cpu_s for usage in usages),
            max(usage.peak_bytes for usage in usages),
            tuple(usage.wall_s for usage in usages),
            size_bytes,
            quality,
        )

    def _measure_once(self, gif: Path, reference: Path, sampling: Sampling) -> Quality:
        """Return the quality of a GIF. Two qualities of Chromi may write the same file."""
        digest = hashlib.sha256(gif.read_bytes()).hexdigest()
        if digest not in self._qualities:
            self._qualities[digest] = measure_quality(gif, reference, sampling)
        return self._qualities[digest]

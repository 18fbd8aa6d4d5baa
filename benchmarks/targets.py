"""Check the measurements against the targets that Chromi has relative to other tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.comparison import Comparison, Measurement
from benchmarks.tools import (
    BALANCED,
    BEST,
    FLOOR,
    GIFSKI_100,
    GIFSKI_NEAR,
    MOVIEPY,
    ONE_THREAD,
    PLAIN,
    SMALL,
)

BUDGET_BYTES = 30_000_000
"""`balanced` stays below it. Clips whose plain ffmpeg GIF is far above it have other targets."""

_MAX_PLAIN_RATIO = 0.85


@dataclass(frozen=True)
class Target:
    """A limit for one figure of one clip. `measured` is None if one of the `tools` is missing.

    `measured` may be at most `limit`, or at least if `is_minimum`. A limit of 0 must not be reached.
    """

    clip: str
    baseline: str
    requirement: str
    unit: str
    measured: float | None
    limit: float
    tools: tuple[str, ...] = ()
    is_minimum: bool = False
    is_difference: bool = False

    @property
    def is_met(self) -> bool | None:
        if self.measured is None:
            return None
        if self.is_minimum:
            return self.measured >= self.limit
        return self.measured < self.limit if self.limit == 0 else self.measured <= self.limit

    @property
    def measured_text(self) -> str:
        """Return the measured value with its unit."""
        if self.measured is None:
            return "not measured"
        if self.is_difference:
            return f"{abs(self.measured):.2f}{self.unit} {'lower' if self.measured > 0 else 'higher'}"
        return f"{self.measured:.{1 if self.unit == ' MB' else 2}f}{self.unit}"


def check_targets(comparison: Comparison) -> list[Target]:
    """Return the targets of this clip, except those of tools that were not selected."""
    selected = comparison.measurements.keys() | comparison.missing.keys()
    return [target for target in _list_targets(comparison) if selected.issuperset(target.tools)]


def _list_targets(comparison: Comparison) -> Iterator[Target]:
    if comparison.clip.is_speed_only:
        yield from _speed_targets(comparison)
    else:
        yield from (
            _budget_targets(comparison) if is_limited_by_budget(comparison) else _default_targets(comparison)
        )
        yield from _best_targets(comparison)
    yield from _memory_targets(comparison)


def is_limited_by_budget(comparison: Comparison) -> bool:
    """Return whether `balanced` would exceed the budget at its usual size relative to plain ffmpeg."""
    plain = comparison.measurements.get(PLAIN)
    return plain is not None and plain.bytes * _MAX_PLAIN_RATIO > BUDGET_BYTES


class _ToolPair:
    """Two tools on one clip: `ours` and `theirs`. Every figure is None if one of them is missing."""

    def __init__(self, comparison: Comparison, ours: str, theirs: str, baseline: str) -> None:
        self._clip = comparison.clip.name
        self._ours = comparison.measurements.get(ours)
        self._theirs = comparison.measurements.get(theirs)
        self._keys = (ours, theirs)
        self._baseline = baseline

    def ratio(self, figure: str, name: str, limit: float) -> Target:
        """Return the target that ours is at most `limit` times theirs."""
        pair = self._both(name)
        ratio = pair and pair[0] / pair[1]
        return Target(
            self._clip, self._baseline, f"{figure} at most {limit:g}×", "×", ratio, limit, self._keys
        )

    def difference(self, figure: str, name: str, limit: float, unit: str = "") -> Target:
        """Return the target that ours is at most `limit` lower than theirs, or higher if it is negative."""
        pair = self._both(name)
        condition = f"at most {limit:g}{unit} lower" if limit > 0 else "higher"
        condition = f"at least {-limit:g}{unit} higher" if limit < 0 else condition
        difference = pair and pair[1] - pair[0]
        return Target(
            self._clip,
            self._baseline,
            f"{figure} {condition}",
            unit,
            difference,
            limit,
            self._keys,
            is_difference=True,
        )

    def _both(self, name: str) -> tuple[float, float] | None:
        if not self._ours or not self._theirs:
            return None
        return _value(self._ours, name), _value(self._theirs, name)


def _value(measurement: Measurement, name: str) -> float:
    return float(getattr(measurement.quality if name in ("vmaf", "blurred_psnr_db") else measurement, name))


def _default_targets(comparison: Comparison) -> Iterator[Target]:
    plain = _ToolPair(comparison, BALANCED, PLAIN, "plain two passes")
    yield plain.ratio("wall", "wall_s", 0.5)
    yield plain.ratio("bytes", "bytes", _MAX_PLAIN_RATIO)
    yield plain.difference("VMAF", "vmaf", 0.3)
    yield plain.difference("blurred PSNR", "blurred_psnr_db", 1.5, " dB")
    gifski = _ToolPair(comparison, BALANCED, GIFSKI_NEAR, "gifski, nearest above")
    yield gifski.ratio("wall", "wall_s", 0.3)
    yield gifski.ratio("bytes", "bytes", 1.0)
    yield gifski.difference("VMAF", "vmaf", 0)
    yield gifski.difference("blurred PSNR", "blurred_psnr_db", 0.5, " dB")
    moviepy = _ToolPair(comparison, BALANCED, MOVIEPY, "MoviePy")
    yield moviepy.ratio("wall", "wall_s", 0.7)
    yield moviepy.ratio("bytes", "bytes", 0.75)
    yield moviepy.difference("VMAF", "vmaf", -15)


def _budget_targets(comparison: Comparison) -> Iterator[Target]:
    balanced = comparison.measurements.get(BALANCED)
    size_mb = balanced.bytes / 1e6 if balanced else None
    vmaf = balanced.quality.vmaf if balanced and balanced.quality else None
    name, budget_mb = comparison.clip.name, BUDGET_BYTES / 1e6
    yield Target(name, "the budget", f"under {budget_mb:g} MB", " MB", size_mb, budget_mb, (BALANCED,))
    yield Target(name, "the budget", "VMAF at least 88", "", vmaf, 88, (BALANCED,), is_minimum=True)
    yield _ToolPair(comparison, BALANCED, PLAIN, "plain two passes").ratio("wall", "wall_s", 0.5)
    gifski = _ToolPair(comparison, BALANCED, GIFSKI_NEAR, "gifski, nearest above")
    yield gifski.ratio("wall", "wall_s", 0.3)
    yield gifski.difference("VMAF", "vmaf", 0)


def _best_targets(comparison: Comparison) -> Iterator[Target]:
    plain = _ToolPair(comparison, BEST, PLAIN, "best, plain two passes")
    yield plain.difference("blurred PSNR", "blurred_psnr_db", 0, " dB")
    yield plain.ratio("bytes", "bytes", 1.0)
    gifski = _ToolPair(comparison, BEST, GIFSKI_100, "best, gifski Q100")
    yield gifski.difference("blurred PSNR", "blurred_psnr_db", 2, " dB")
    yield gifski.ratio("bytes", "bytes", 1.0)
    yield gifski.ratio("wall", "wall_s", 0.5)


def _speed_targets(comparison: Comparison) -> Iterator[Target]:
    yield _ToolPair(comparison, BALANCED, FLOOR, "floor").ratio("wall", "wall_s", 1.3)


def _memory_targets(comparison: Comparison) -> Iterator[Target]:
    """Only full HD H.264 clips and the large clip have memory limits."""
    limits_mb: dict[str, float] = {}
    if comparison.clip.is_speed_only:
        limits_mb = {BALANCED: 350, ONE_THREAD: 300}
    elif comparison.clip.is_full_hd_h264:
        limits_mb = {SMALL: 200, BALANCED: 200, BEST: 200}
    for key, limit_mb in limits_mb.items():
        measurement = comparison.measurements.get(key)
        peak_mb = measurement.peak_bytes / 1e6 if measurement else None
        requirement = f"{key.replace('-', ' ')} takes at most {limit_mb:g} MB"
        yield Target(comparison.clip.name, "memory", requirement, " MB", peak_mb, limit_mb, (key,))

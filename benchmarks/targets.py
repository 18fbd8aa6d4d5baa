"""Check the measurements against the targets that Chromi has, most of them relative to other tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.comparison import Comparison, Measurement
from benchmarks.equal_bytes import NotMeasured, interpolate_gifski
from benchmarks.tools import BALANCED, BEST, FLOOR, GIFSKI, GIFSKI_100, PLAIN, SMALL

_MAX_CALM_PLAIN_BYTES = 12_000_000
_CALM_MARGIN, _BUSY_MARGIN = 2.0, 8.0
_FULL_HD_PX = 1920


@dataclass(frozen=True)
class Target:
    """A limit for one figure of one clip. `measured` is None if it was not measured; `note` may say why.

    `measured` may be at most `limit`, or at least if `is_minimum`, and not equal to it if `is_strict`.
    """

    clip: str
    baseline: str
    requirement: str
    unit: str
    measured: float | None
    limit: float
    is_minimum: bool = False
    is_strict: bool = False
    is_difference: bool = False
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        if self.measured is None:
            return None
        if self.measured == self.limit:
            return not self.is_strict
        return (self.measured > self.limit) == self.is_minimum

    @property
    def measured_text(self) -> str:
        """Return the measured value with its unit."""
        note = f" ({self.note})" if self.note else ""
        if self.measured is None:
            return f"not measured{note}"
        sign = "+" if self.is_difference else ""
        digits = {" MB": 1, " colors": 0}.get(self.unit, 2)
        return f"{self.measured:{sign}.{digits}f}{self.unit}{note}"


def check_targets(comparison: Comparison) -> list[Target]:
    """Return the targets of this clip, except those of tools that were not selected."""
    return list(_list_targets(comparison))


def is_calm(comparison: Comparison) -> bool:
    """Return whether most of the picture stays the same from frame to frame.

    The scene of a generated clip says so. Another clip is calm if the GIF of plain ffmpeg is small.
    """
    scene, plain = comparison.clip.scene, comparison.measurements.get(PLAIN)
    return scene.is_calm if scene else plain is not None and plain.bytes < _MAX_CALM_PLAIN_BYTES


def _list_targets(comparison: Comparison) -> Iterator[Target]:
    selected = comparison.measurements.keys() | comparison.missing.keys()
    scene = comparison.clip.scene.name if comparison.clip.scene else ""
    if selected >= {BALANCED, FLOOR} and comparison.clip.is_speed_only:
        yield _ratio(comparison, BALANCED, FLOOR, "floor", 1.35)
    if selected >= {BALANCED, PLAIN}:
        yield _ratio(comparison, BALANCED, PLAIN, "plain two passes", 1.0 if is_calm(comparison) else 0.5)
    if BALANCED in selected and selected & set(GIFSKI):
        yield from _gifski_targets(comparison)
    if BALANCED in selected and scene == "film":
        yield from _film_targets(comparison)
    if BALANCED in selected and scene == "particles":
        yield _size(comparison, 3)
        yield _ssimulacra2(comparison, 88)
    if selected >= {BEST, GIFSKI_100}:
        yield from _best_targets(comparison, is_above=scene in ("film", "fur"))
    yield from _memory_targets(comparison, selected)


def _ratio(comparison: Comparison, ours: str, theirs: str, baseline: str, limit: float) -> Target:
    """Return the target that the wall time of `ours` is at most `limit` times that of `theirs`."""
    pair = comparison.measurements.get(ours), comparison.measurements.get(theirs)
    ratio = pair[0].wall_s / pair[1].wall_s if pair[0] and pair[1] else None
    return Target(comparison.clip.name, baseline, f"{ours}: wall at most {limit:g}×", "×", ratio, limit)


def _gifski_targets(comparison: Comparison) -> Iterator[Target]:
    """Compare `balanced` with gifski at equal bytes."""
    ours, gifski, note = comparison.measurements.get(BALANCED), None, ""
    try:
        gifski = interpolate_gifski(comparison, BALANCED)
        note = gifski.note
    except NotMeasured as reason:
        note = str(reason)
    quality = ours.quality if ours and gifski else None
    clip, baseline = comparison.clip.name, "gifski, equal bytes"
    # A clip of unknown content must only not be worse.
    margin = 0.0
    if comparison.clip.scene:
        margin = _CALM_MARGIN if is_calm(comparison) else _BUSY_MARGIN
    gain = quality.ssimulacra2 - gifski.ssimulacra2 if quality and gifski else None
    requirement = f"balanced: SSIMULACRA2 at least {margin:+g}"
    yield Target(
        clip, baseline, requirement, "", gain, margin, is_minimum=True, is_difference=True, note=note
    )
    for name, figure, limit in (("wall", "wall_s", 0.4), ("CPU", "cpu_s", 0.5)):
        ratio = getattr(ours, figure) / getattr(gifski, figure) if ours and gifski else None
        yield Target(clip, baseline, f"balanced: {name} at most {limit:g}×", "×", ratio, limit, note=note)
    more = None
    if quality and gifski:
        if quality.flicker is None or gifski.flicker is None:
            note = "the clip has no still areas"
        else:
            more = quality.flicker - gifski.flicker
    requirement = "balanced: flicker no higher"
    yield Target(clip, "gifski, nearest size", requirement, "", more, 0, is_difference=True, note=note)


def _film_targets(comparison: Comparison) -> Iterator[Target]:
    yield _size(comparison, 30)
    balanced = comparison.measurements.get(BALANCED)
    colors = balanced.quality.colors if balanced and balanced.quality else None
    yield Target(
        comparison.clip.name,
        "limits",
        "balanced: at least 64 colors in a frame",
        " colors",
        colors,
        64,
        is_minimum=True,
    )
    yield _ssimulacra2(comparison, 62)


def _size(comparison: Comparison, limit_mb: float) -> Target:
    balanced = comparison.measurements.get(BALANCED)
    size_mb = balanced.bytes / 1e6 if balanced else None
    requirement = f"balanced: at most {limit_mb:g} MB"
    return Target(comparison.clip.name, "limits", requirement, " MB", size_mb, limit_mb)


def _ssimulacra2(comparison: Comparison, limit: float) -> Target:
    balanced = comparison.measurements.get(BALANCED)
    value = balanced.quality.ssimulacra2 if balanced and balanced.quality else None
    requirement = f"balanced: SSIMULACRA2 at least {limit:g}"
    return Target(comparison.clip.name, "limits", requirement, "", value, limit, is_minimum=True)


def _best_targets(comparison: Comparison, *, is_above: bool) -> Iterator[Target]:
    best, gifski = comparison.measurements.get(BEST), comparison.measurements.get(GIFSKI_100)
    gain = bytes_ratio = None
    if best and gifski:
        bytes_ratio = best.bytes / gifski.bytes
        if best.quality and gifski.quality:
            gain = best.quality.ssimulacra2 - gifski.quality.ssimulacra2
    clip, limit = comparison.clip.name, 0.0 if is_above else -1.0
    requirement = f"best: SSIMULACRA2 {'above it' if is_above else 'at least -1'}"
    yield Target(
        clip,
        "gifski Q100",
        requirement,
        "",
        gain,
        limit,
        is_minimum=True,
        is_strict=is_above,
        is_difference=True,
    )
    yield Target(clip, "gifski Q100", "best: bytes at most 1.1×", "×", bytes_ratio, 1.1)


def _memory_targets(comparison: Comparison, selected: set[str]) -> Iterator[Target]:
    info = comparison.clip.info
    limit_mb = 250.0 if max(info.width_px, info.height_px) <= _FULL_HD_PX else 350.0
    for key in (SMALL, BALANCED, BEST):
        if key in selected:
            peak_mb = _peak_mb(comparison.measurements.get(key))
            requirement = f"{key}: at most {limit_mb:g} MB"
            yield Target(comparison.clip.name, "memory", requirement, " MB", peak_mb, limit_mb)


def _peak_mb(measurement: Measurement | None) -> float | None:
    return measurement.peak_bytes / 1e6 if measurement else None

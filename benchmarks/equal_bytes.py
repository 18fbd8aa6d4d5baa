"""What gifski achieves at the size of another GIF, interpolated between the qualities that ran."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.comparison import Comparison, Measurement
from benchmarks.tools import GIFSKI

MIN_BYTES = 1_300_000
"""Below it, both tools are far better than anyone can see, and the fixed cost of a GIF decides."""


class NotMeasured(Exception):
    """There is no gifski at this size. The message is the reason."""


@dataclass(frozen=True)
class GifskiAtBytes:
    """gifski's figures at a number of bytes. `flicker` is that of the `nearest` quality that ran.

    `note` is set if gifski's largest GIF is smaller than the size asked for; it then has the figures.
    """

    bytes: int
    wall_s: float
    cpu_s: float
    ssimulacra2: float
    vmaf: float
    flicker: float | None
    nearest: str
    note: str = ""


def interpolate_gifski(comparison: Comparison, key: str) -> GifskiAtBytes:
    """Return gifski at the size of the tool `key`, linear in log(bytes). Raises NotMeasured."""
    measurement = comparison.measurements.get(key)
    points = sorted(_measured(comparison), key=lambda point: point.bytes)
    if not measurement or not measurement.quality or not points:
        raise NotMeasured("no GIFs to compare")
    size, note = measurement.bytes, ""
    if size < MIN_BYTES:
        raise NotMeasured(f"below {MIN_BYTES / 1e6:g} MB")
    if size < points[0].bytes:
        raise NotMeasured(f"smaller than gifski's smallest, {points[0].bytes / 1e6:.1f} MB")
    if size > points[-1].bytes:
        size = points[-1].bytes
        note = f"gifski's largest, {size / 1e6:.1f} MB"
    logs = [math.log(point.bytes) for point in points]

    def at_size(values: list[float]) -> float:
        return float(np.interp(math.log(size), logs, values))

    qualities = [point.quality for point in points if point.quality]
    nearest = min(points, key=lambda point: abs(math.log(point.bytes / size)))
    return GifskiAtBytes(
        size,
        at_size([point.wall_s for point in points]),
        at_size([point.cpu_s for point in points]),
        at_size([quality.ssimulacra2 for quality in qualities]),
        at_size([quality.vmaf for quality in qualities]),
        nearest.quality.flicker if nearest.quality else None,
        nearest.label,
        note,
    )


def _measured(comparison: Comparison) -> list[Measurement]:
    points = [comparison.measurements[key] for key in GIFSKI if key in comparison.measurements]
    return [point for point in points if point.quality]

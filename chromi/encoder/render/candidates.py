"""Candidates for the ladder: settings at the full frame rate, with the predicted size and quality."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log2

from chromi.encoder.options import FEW_COLORS
from chromi.encoder.render.render_settings import UNCHANGED_PIXELS, RenderSettings
from chromi.encoder.render.sample import Measurement, Sampler

MOST_COLORS = 256
LOW_THRESHOLD, HIGH_THRESHOLD = 2, 6
"""Thresholds that are measured. A lower one is no better: noise costs bytes, and pixels that were right are
redrawn in a worse color. A higher one leaves trails."""
MAX_CALM_SHARE = 0.15
"""If fewer of the pixels change, a palette per frame is better at every size; one palette is not measured."""
HELD_LOSS_WEIGHT = 2.5
"""How much more visible a loss from a higher threshold is than one from fewer colors, unless a clip is calm:
texture sticks to the screen while it moves. SSIMULACRA2 loses 8 to 14 points per dB instead of 4 to 6."""
MIN_LOSS = 0.5
"""The loss in dB from HIGH_THRESHOLD, at least: the measure of a few frames is off by about as much."""
ONE_PALETTE_LOSS = 0.5
"""The loss in dB from one palette that is not measured: a highlight covers few pixels and gets few colors, so
its edge shows."""

COLOR_STEPS = (256, 224, 192, 176, 160, 144, 128, 112, 96, 80, 64)
_THRESHOLD_STEPS = (2, 3, 4, 5, 6)

_MANY, _FEW = RenderSettings(MOST_COLORS), RenderSettings(FEW_COLORS)
_LOW, _HIGH = (RenderSettings(local_palettes=True, threshold=t) for t in (LOW_THRESHOLD, HIGH_THRESHOLD))
_DITHERED = replace(_LOW, dither=True)
_DITHER_GROWTH, _DITHER_GAIN = 1.05, 0.2
"""Size relative to that without dither (1.01 to 1.11 on three clips), and the gain in dB: one to two
SSIMULACRA2 points. In a calm clip, the pattern of the dither would be seen."""


@dataclass(frozen=True)
class Rung:
    """One step of the ladder. `quality` and `false_color` are those of a Measurement."""

    settings: RenderSettings
    expected_bytes: float
    quality: float = 0.0
    false_color: float = 0.0

    @property
    def loses_more_than_measured(self) -> bool:
        """True for visible losses that `quality` does not include, because they are never measured."""
        settings = self.settings
        return settings.threshold > HIGH_THRESHOLD or settings.lossy > 0 or settings.denoise > 0


def measure_candidates(sampler: Sampler, smallest_bytes: float) -> list[Rung]:
    """Return rungs at the full rate, in any order. Measures one palette only where it can be better.

    If a sample has all frames, each measurement takes as long as rendering the GIF. Then nothing else is
    measured if the best quality fits the smallest budget.
    """
    measurements: list[Measurement] = []
    if sampler.has_all_frames:
        measurements = sampler.measure([_LOW])
        best = measurements[0]
        if best.total_bytes <= smallest_bytes:
            return [Rung(_LOW, best.total_bytes, best.quality, best.false_color)]
    is_calm = sampler.changed_share <= MAX_CALM_SHARE
    one_palette = [] if is_calm else [_MANY, _FEW]
    measurements += sampler.measure([_LOW, _HIGH, *one_palette][len(measurements) :])
    low, high, *measured = measurements
    rungs = list(_interpolate_thresholds(low, high, loss_weight=1 if is_calm else HELD_LOSS_WEIGHT))
    if measured:
        many, few = measured
        rungs += _interpolate_colors(many, few, _choose_encodings(many, few))
        rungs.append(_add_dither(rungs[0]))
    return rungs


def _add_dither(rung: Rung) -> Rung:
    """Return the rung of _LOW with a dither, which is just worth its bytes if no limit is near."""
    quality = rung.quality + _DITHER_GAIN
    return replace(
        rung, settings=_DITHERED, expected_bytes=rung.expected_bytes * _DITHER_GROWTH, quality=quality
    )


def _choose_encodings(*measurements: Measurement) -> tuple[str, ...]:
    """Return an encoding that is small enough in all measurements, else all encodings."""
    common = [
        encoding
        for encoding in UNCHANGED_PIXELS
        if all(encoding in measurement.sufficient_encodings for measurement in measurements)
    ]
    return (common[0],) if common else UNCHANGED_PIXELS


def _interpolate(first: float, last: float, position: float) -> float:
    """Return the value at a position from 0 (that of `first`) to 1 (that of `last`)."""
    return first + position * (last - first)


def _interpolate_colors(many: Measurement, few: Measurement, encodings: tuple[str, ...]) -> Iterator[Rung]:
    """Yield a rung for each number of colors; size and quality are linear in the logarithm.

    Most conversions are off by 1 to 4 percent.
    """
    for colors in COLOR_STEPS:
        position = log2(MOST_COLORS / colors) / log2(MOST_COLORS / FEW_COLORS)
        yield Rung(
            RenderSettings(colors, unchanged_pixels=encodings),
            max(1.0, _interpolate(many.total_bytes, few.total_bytes, position)),
            _interpolate(many.quality, few.quality, position) - ONE_PALETTE_LOSS,
            _interpolate(many.false_color, few.false_color, position),
        )


def _interpolate_thresholds(low: Measurement, high: Measurement, loss_weight: float) -> Iterator[Rung]:
    """Yield a rung for each threshold. The quality is linear in the threshold, the size a power of it.

    On eleven clips, sizes at threshold 6 are off by 0 to 4 percent, and by 10 percent on one.
    """
    loss = loss_weight * max(MIN_LOSS, low.quality - high.quality)
    best_quality = max(low.quality, high.quality + MIN_LOSS)
    log_growth = log2(high.total_bytes / low.total_bytes) / log2(HIGH_THRESHOLD / LOW_THRESHOLD)
    for threshold in _THRESHOLD_STEPS:
        position = (threshold - LOW_THRESHOLD) / (HIGH_THRESHOLD - LOW_THRESHOLD)
        yield Rung(
            replace(_LOW, threshold=threshold),
            low.total_bytes * (threshold / LOW_THRESHOLD) ** log_growth,
            best_quality - position * loss,
            _interpolate(low.false_color, high.false_color, position),
        )

"""The encoding ladder: render settings from the best quality to the smallest size, measured on a sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log, log2

from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.render.quality_metrics import QualityScores
from chromi.encoder.render.renderer import UNCHANGED_PIXELS, RenderSettings
from chromi.encoder.render.sample import Measurement, Sampler

BUDGETS_BYTES = {Quality.SMALL: 12e6, Quality.BALANCED: 30e6, Quality.BEST: None}
"""Maximum size of the GIF for each quality."""
TARGET_SHARE = 0.97
"""Share of the budget to aim at: a prediction may be off by some percent, and a second try costs seconds."""

MOST_COLORS, FEW_COLORS, FEWEST_COLORS = 256, 64, 24
"""Numbers of colors that are measured. Between them, size and quality follow the logarithm."""
DITHER = "bayer:bayer_scale=2"
"""The dither that helps where any does. Error diffusion takes ten times as long and more bytes."""
CLEAR_VMAF = 97.0
"""Dithering is not measured above this score, because there is little to gain."""


@dataclass(frozen=True)
class Tolerance:
    """The quality loss to accept for fewer bytes, relative to MOST_COLORS.

    No loss of blurred PSNR is visible above `clear_db`.
    """

    vmaf: float
    blurred_psnr_db: float
    clear_db: float
    color_error: float


BALANCED_TOLERANCE = Tolerance(vmaf=0.07, blurred_psnr_db=1.0, clear_db=48, color_error=10)
"""Nothing visible is lost."""
BEST_TOLERANCE = Tolerance(vmaf=0.07, blurred_psnr_db=0.3, clear_db=52, color_error=5)
"""A gradient in 256 colors takes three times the bytes of 64 colors and looks as smooth."""

_COLOR_STEPS = (256, 224, 192, 176, 160, 144, 128, 112, 96, 80, 64, 56, *range(48, FEWEST_COLORS - 2, -2))
_FEWEST_SHARE = 0.65
"""Typical size with FEWEST_COLORS relative to FEW_COLORS, used where it is not measured."""
_LOSSY_STEPS = ((60, 0.93), (120, 0.91), (200, 0.87))
_DENOISE_STEPS = ((4, 0.83), (8, 0.79))
"""Steps below the fewest colors, with their measured share of the bytes; live-action clips take less."""
_FPS_STEPS = (18, 16, 12)
_LARGER_DIFFERENCE = 1.08
"""Growth of a frame at a lower rate, because it differs more from the one before."""

_MANY, _FEW, _FEWEST = (RenderSettings(colors) for colors in (MOST_COLORS, FEW_COLORS, FEWEST_COLORS))
_DITHERED = replace(_MANY, dither=DITHER)


@dataclass(frozen=True)
class Rung:
    """One step of the ladder."""

    settings: RenderSettings
    expected_bytes: float


@dataclass(frozen=True)
class Ladder:
    """Rungs from the best quality down, and the indexes at which the quality levels start."""

    rungs: Sequence[Rung]
    best_start: int
    balanced_start: int

    def start_index(self, options: ConversionOptions) -> int:
        """Return the index of the best rung to consider.

        Only quality `best` and `max_mb` spend bytes on differences that are hardly visible.
        """
        is_best = options.quality is Quality.BEST or options.max_mb is not None
        return self.best_start if is_best else self.balanced_start

    def find_fitting(self, budget_bytes: float | None, *, start: int, scale: float = 1.0) -> int:
        """Return the index of the first rung from `start` on that is expected to fit, else of the last rung.

        The expected sizes are multiplied by `scale`.
        """
        for index in range(start, len(self.rungs)):
            expected_bytes = self.rungs[index].expected_bytes * scale
            if budget_bytes is None or expected_bytes <= TARGET_SHARE * budget_bytes:
                return index
        return len(self.rungs) - 1

    def estimate_bytes(self) -> dict[str, int]:
        """Return the expected size for each quality."""
        return {str(quality): self._estimate(ConversionOptions(quality=quality)) for quality in BUDGETS_BYTES}

    def _estimate(self, options: ConversionOptions) -> int:
        index = self.find_fitting(get_budget_bytes(options), start=self.start_index(options))
        return round(self.rungs[index].expected_bytes)


def get_budget_bytes(options: ConversionOptions) -> float | None:
    """Return the maximum size of the GIF: `max_mb` if given, else that of the quality; None for no limit."""
    return options.max_mb * 1e6 if options.max_mb is not None else BUDGETS_BYTES[options.quality]


def build_ladder(sampler: Sampler, options: ConversionOptions) -> Ladder:
    """Measure a few render settings and return the ladder. Raises TimedOut and EncodeError."""
    sampler.prepare([_MANY, _FEW])
    (many, few), _ = sampler.measure_all([_MANY, _FEW])
    tries_dither = many.scores.vmaf < CLEAR_VMAF
    budgets = [budget for budget in (*BUDGETS_BYTES.values(), get_budget_bytes(options)) if budget]
    needs_fewest = few.total_bytes > min(budgets)
    dithered, fewest_bytes = sampler.measure_all(
        [_DITHERED] if tries_dither else [], size_only=[_FEWEST] if needs_fewest else []
    )
    rungs = list(_build_rungs(sampler, many, few, fewest_bytes))
    if dithered and _value(dithered[0]) > _value(many):
        return Ladder([*_build_dithered_rungs(dithered[0], rungs), *rungs], 0, 0)
    return Ladder(
        rungs,
        best_start=_find_fewest_colors(BEST_TOLERANCE, many.scores, few.scores),
        balanced_start=_find_fewest_colors(BALANCED_TOLERANCE, many.scores, few.scores),
    )


def _value(measurement: Measurement) -> float:
    """Return quality minus cost; 10 % more bytes cost about one point of VMAF.

    4 dB of blurred PSNR equal one point of VMAF; each point of CAMBI subtracts one.
    """
    scores = measurement.scores
    quality = scores.vmaf + scores.blurred_psnr_db / 4 - scores.cambi
    return quality - 10 * log(max(1.0, measurement.total_bytes))


def _choose_encodings(*measurements: Measurement) -> tuple[str, ...]:
    """Return an encoding that is small enough in all measurements, else all encodings."""
    common = [
        encoding
        for encoding in UNCHANGED_PIXELS
        if all(encoding in measurement.sufficient_encodings for measurement in measurements)
    ]
    return (common[0],) if common else UNCHANGED_PIXELS


def _build_rungs(
    sampler: Sampler, many: Measurement, few: Measurement, fewest_bytes: Sequence[float]
) -> Iterator[Rung]:
    """Yield rungs with fewer and fewer colors, then those with other losses.

    `fewest_bytes` is empty if no budget requires FEWEST_COLORS.
    """
    smallest_bytes = fewest_bytes[0] if fewest_bytes else few.total_bytes * _FEWEST_SHARE
    encodings = _choose_encodings(many, few)
    for colors in _COLOR_STEPS:
        expected_bytes = _interpolate_bytes(colors, many.total_bytes, few.total_bytes, smallest_bytes)
        rung = Rung(RenderSettings(colors, unchanged_pixels=encodings), max(1.0, expected_bytes))
        yield rung
    yield from _build_lossy_rungs(rung, sampler)


def _interpolate_bytes(colors: int, many_bytes: float, few_bytes: float, fewest_bytes: float) -> float:
    """Return the expected bytes: linear in the logarithm down to FEW_COLORS, exponential below.

    Most conversions are off by 1 to 4 percent; linear interpolation all the way is off by 4 to 8.
    """
    if colors >= FEW_COLORS:
        return many_bytes + (few_bytes - many_bytes) * _log_position(colors, MOST_COLORS, FEW_COLORS)
    return float(few_bytes * (fewest_bytes / few_bytes) ** _log_position(colors, FEW_COLORS, FEWEST_COLORS))


def _log_position(colors: int, upper: int, lower: int) -> float:
    """Return 0 at `upper` colors and 1 at `lower`, linear in the logarithm."""
    return log2(upper / colors) / log2(upper / lower)


def _build_dithered_rungs(dithered: Measurement, rungs: Sequence[Rung]) -> Iterator[Rung]:
    """Yield dithered rungs to put above `rungs`, as long as they are larger than MOST_COLORS undithered.

    At the same size, more colors without dithering look better.
    """
    many_bytes, encodings = rungs[0].expected_bytes, _choose_encodings(dithered)
    for rung in rungs:
        expected_bytes = dithered.total_bytes * rung.expected_bytes / many_bytes
        if expected_bytes <= many_bytes:
            break
        colors = rung.settings.colors
        yield Rung(replace(dithered.settings, colors=colors, unchanged_pixels=encodings), expected_bytes)


def _build_lossy_rungs(last: Rung, sampler: Sampler) -> Iterator[Rung]:
    """Yield rungs below the fewest acceptable colors: lossy LZW, then denoising, then a lower frame rate."""
    settings, share = last.settings, 1.0
    for lossy, share in _LOSSY_STEPS:
        settings = replace(settings, lossy=lossy)
        yield Rung(settings, last.expected_bytes * share)
    for denoise, share in _DENOISE_STEPS:
        settings = replace(settings, denoise=denoise)
        yield Rung(settings, last.expected_bytes * share)
    for fps in _FPS_STEPS:
        frame_count = sampler.frame_count * fps / ConversionOptions.fps
        fps_share = min(1.0, _LARGER_DIFFERENCE * frame_count / max(1, sampler.moving_count))
        yield Rung(replace(settings, fps=fps), last.expected_bytes * share * fps_share)


def _find_fewest_colors(tolerance: Tolerance, many: QualityScores, few: QualityScores) -> int:
    """Return the index of the rung with the fewest colors, FEW_COLORS or more, within `tolerance`."""
    vmaf_loss = max(0.0, many.vmaf - few.vmaf)
    loss_db = max(0.0, many.blurred_psnr_db - few.blurred_psnr_db)
    color_loss = max(0.0, few.color_error - many.color_error)
    max_loss_db = max(0.0, many.blurred_psnr_db - tolerance.clear_db) + tolerance.blurred_psnr_db
    fewest = 0
    for index, colors in enumerate(_COLOR_STEPS):
        position = _log_position(colors, MOST_COLORS, FEW_COLORS)
        is_within = (
            colors >= FEW_COLORS
            and position * vmaf_loss <= tolerance.vmaf
            and position * loss_db <= max_loss_db
            and position * color_loss <= tolerance.color_error
        )
        fewest = index if is_within else fewest
    return fewest

"""The encoding ladder: render settings from the best quality to the smallest size, measured on a sample."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, log2, sqrt
from typing import Any

from chromi.encoder.options import ConversionOptions, Motion, Quality
from chromi.encoder.process.ffmpeg import OUTPUT_FPS
from chromi.encoder.render.candidates import COLOR_STEPS, Rung, measure_candidates
from chromi.encoder.render.renderer import MAX_GIF_BYTES
from chromi.encoder.render.sample import Sampler

SMALL_BYTES, BALANCED_BYTES, MOST_BALANCED_BYTES = 10e6, 20e6, 30e6
"""Maximum size of the GIF for each quality. Footage that needs it may take MOST_BALANCED_BYTES."""
TARGET_SHARE = 0.97
"""Share of the budget to aim at: a prediction may be off by some percent, and a second try costs seconds."""

RICH_COLORS = 128
"""The colors that `Motion.COLOR` keeps. They are also not given up only to save bytes, because in fewer
colors, a glow has a flat center."""
MAX_FALSE_COLOR = 0.04
"""The false color, as measure_false_color returns it, above which frames per second are given up first."""
MIN_GAIN_PER_DOUBLING = 2.5
"""The gain in quality for which it is worth doubling the size. More bytes are hardly seen."""
ENOUGH_QUALITY = 25.0
"""The quality in dB above which hardly a difference is seen: an SSIMULACRA2 score of about 90, which its
authors call visually lossless."""
MAX_LOSS = 3.0
"""The loss of quality up to which footage is made to fit BALANCED_BYTES."""

_ALL_COLOR_STEPS = (*COLOR_STEPS, 56, 48, 40, 32, 28, 24)
_HALF_COLORS_SHARE = 0.74
"""Typical size with half as many colors, where it is not measured."""
_LOSSES = (("lossy", 120, 0.92), ("lossy", 200, 0.9), ("denoise", 4, 0.83), ("denoise", 8, 0.95))
_LARGE_THRESHOLDS = (("threshold", 16, 0.9), ("threshold", 24, 0.88), ("threshold", 32, 0.9))
"""Steps below the smallest acceptable quality, each with its typical size relative to the step before."""
_FPS_STEPS = (20, 18, 15, 12)
_FRAME_GROWTH = 0.08
"""Growth of a frame of a calm clip at a lower rate, because it differs more from the one before."""

_Step = Callable[[Sequence[Rung]], Iterator[Rung]]
"""Yields rungs that are smaller than the last of the given ones."""


@dataclass(frozen=True)
class Ladder:
    """Rungs from the best quality down.

    From `balanced_start` up, more bytes are hardly seen. `balanced_bytes` is the budget of balanced quality.
    """

    rungs: Sequence[Rung]
    balanced_start: int = 0
    balanced_bytes: float = MOST_BALANCED_BYTES

    def start_index(self, options: ConversionOptions) -> int:
        """Return the index of the best rung to consider.

        Only quality `best` and `max_mb` spend bytes on differences that are hardly visible.
        """
        is_best = options.quality is Quality.BEST or options.max_mb is not None
        return 0 if is_best else self.balanced_start

    def budget_bytes(self, options: ConversionOptions) -> float:
        """Return the maximum size of the GIF, that of `max_mb` or of the quality."""
        if options.max_mb is not None:
            return options.max_mb * 1e6
        return {
            Quality.SMALL: SMALL_BYTES,
            Quality.BALANCED: self.balanced_bytes,
            Quality.BEST: MAX_GIF_BYTES,
        }[options.quality]

    def find_fitting(self, budget_bytes: float, *, start: int, scale: float = 1.0) -> int:
        """Return the index of the first rung from `start` on that is expected to fit, else of the last rung.

        The expected sizes are multiplied by `scale`.
        """
        for index in range(start, len(self.rungs)):
            expected_bytes = self.rungs[index].expected_bytes * scale
            if expected_bytes <= TARGET_SHARE * budget_bytes:
                return index
        return len(self.rungs) - 1

    def rungs_by_quality(self) -> dict[Quality, Rung]:
        """Return for each quality the best rung that is expected to fit."""
        rungs = {}
        for quality in Quality:
            options = ConversionOptions(quality=quality)
            index = self.find_fitting(self.budget_bytes(options), start=self.start_index(options))
            rungs[quality] = self.rungs[index]
        return rungs


def build_ladder(sampler: Sampler, options: ConversionOptions) -> Ladder:
    """Measure a few render settings and return the ladder. Raises TimedOut and EncodeError."""
    smallest_bytes = min(SMALL_BYTES, (options.max_mb or inf) * 1e6)
    candidates = measure_candidates(sampler, TARGET_SHARE * smallest_bytes)
    true_colored = [rung for rung in candidates if rung.false_color <= MAX_FALSE_COLOR]
    smooth = _remove_worse(true_colored or candidates)
    rungs = _build_rungs(smooth, options.motion, sampler)
    smooth_count = sum(rung in smooth for rung in rungs)
    rich = [index for index in range(smooth_count) if rungs[index].settings.colors >= RICH_COLORS]
    start = max(rich or [0], key=lambda index: _value(rungs[index]))
    return Ladder(rungs, start, _choose_balanced_bytes(Ladder(rungs, start), smooth_count))


def _value(rung: Rung) -> float:
    """Return quality minus cost."""
    return min(rung.quality, ENOUGH_QUALITY) - MIN_GAIN_PER_DOUBLING * log2(rung.expected_bytes)


def _remove_worse(candidates: Iterable[Rung]) -> list[Rung]:
    """Return the candidates from the best down, without those that are larger than a better one."""
    best: list[Rung] = []
    for rung in sorted(candidates, key=lambda rung: (rung.expected_bytes, -rung.quality)):
        if not best or rung.quality > best[-1].quality:
            best.append(rung)
    return best[::-1]


def _choose_balanced_bytes(ladder: Ladder, smooth_count: int) -> float:
    """Return BALANCED_BYTES unless they cost frames per second or more than MAX_LOSS of quality."""
    index = ladder.find_fitting(BALANCED_BYTES, start=ladder.balanced_start)
    loss = ladder.rungs[ladder.balanced_start].quality - ladder.rungs[index].quality
    return BALANCED_BYTES if index < smooth_count and loss <= MAX_LOSS else MOST_BALANCED_BYTES


def _build_rungs(smooth: Sequence[Rung], motion: Motion, sampler: Sampler) -> list[Rung]:
    """Return all rungs: those of `smooth`, then those that give up first what is missed least."""
    rates: _Step = partial(_lower_rates, sampler=sampler)
    rungs, steps = list(smooth), [rates, _lower_detail, _lower_colors, _lose_detail]
    if motion is Motion.SMOOTH:
        steps = [_lower_detail, _lower_colors, _lose_detail, rates]
    elif motion is Motion.COLOR:
        rungs = [rung for rung in smooth if rung.settings.colors >= RICH_COLORS] or rungs
    for step in steps:
        rungs += step(rungs)
    return rungs


def _lower_rates(rungs: Sequence[Rung], sampler: Sampler) -> Iterator[Rung]:
    """Yield the rungs with fewer frames per second that are smaller than the last rung."""
    smallest_bytes = rungs[-1].expected_bytes
    for fps in _FPS_STEPS:
        for rung in rungs:
            expected_bytes = rung.expected_bytes * _predict_rate_share(rung, fps, sampler)
            if rung.settings.fps == OUTPUT_FPS and expected_bytes < smallest_bytes:
                smallest_bytes = expected_bytes
                yield Rung(replace(rung.settings, fps=fps), expected_bytes, rung.quality)


def _predict_rate_share(rung: Rung, fps: int, sampler: Sampler) -> float:
    """Return the expected size at a lower rate relative to that at OUTPUT_FPS.

    A frame differs more from the one before. If only changed pixels are redrawn, more of them exceed the
    threshold, so the size falls more slowly than the rate: about with its square root.
    """
    ratio = fps / OUTPUT_FPS
    if rung.settings.local_palettes:
        return sqrt(ratio)
    growth = 1 + _FRAME_GROWTH * (1 - sampler.changed_share)
    return min(1.0, growth * ratio * sampler.frame_count / max(1, sampler.moving_count))


def _lower_detail(rungs: Sequence[Rung]) -> Iterator[Rung]:
    """Yield the last rung with a little more compression: lossy LZW, or a larger threshold."""
    last = rungs[-1]
    name, value, share = ("threshold", 12, 0.8) if last.settings.local_palettes else ("lossy", 60, 0.93)
    yield _make_smaller(last, share, **{name: value})


def _lower_colors(rungs: Sequence[Rung]) -> Iterator[Rung]:
    last = rungs[-1]
    for colors in _ALL_COLOR_STEPS:
        if colors < last.settings.colors:
            share = _HALF_COLORS_SHARE ** log2(last.settings.colors / colors)
            yield _make_smaller(last, share, colors=colors)


def _lose_detail(rungs: Sequence[Rung]) -> Iterator[Rung]:
    """Yield the last rung with more and more compression, whatever it looks like."""
    last = rungs[-1]
    for name, value, share in _LARGE_THRESHOLDS if last.settings.local_palettes else _LOSSES:
        last = _make_smaller(last, share, **{name: value})
        yield last


def _make_smaller(rung: Rung, share: float, **changes: Any) -> Rung:
    return Rung(replace(rung.settings, **changes), rung.expected_bytes * share, rung.quality)

"""Choose how to draw: the fewest bytes that still look right, found by measuring a sample."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import log, log2

from chromi.encoder.crew import Piece, side_by_side
from chromi.encoder.drawing import Drawing
from chromi.encoder.options import Quality
from chromi.encoder.recipe import Recipe
from chromi.encoder.sample import Measured, Sample

BUDGETS_BYTES = {Quality.SMALL: 12e6, Quality.BALANCED: 30e6, Quality.BEST: None}
"""What each quality may take at most."""
AIM = 0.93
"""Share of a budget that is aimed at: a prediction may be some percent off; a second try costs seconds."""

MANY, FEW = 256, 64
"""The two numbers of colours that are measured; bytes and likeness between them follow the logarithm."""
DITHER = "bayer:bayer_scale=2"
"""The one that helps where any does; error diffusion takes ten times as long and more bytes."""
BANDED_CAMBI = 1.0
"""Banding below it is not seen."""
CLEAR_VMAF = 97.0
"""Little can be gained above it: another palette or a dither is not even tried."""
SAME_VMAF = 0.2
SAME_PSNR_DB = 0.6
"""What `balanced` gives up at most for fewer bytes, against 256 colours."""
MOVING_SHARE = 0.5
"""Where a step costs this share of a whole picture, a palette for each second pays: on fur 0.8 dB for 7 %
more bytes, and its change is not seen in the motion. In calmer clips it would be seen, and cost more."""

_COLOURS = (256, 224, 192, 160, 128, 112, 96, 80, 64, 56, 48, 40, 32, 24)
_LOSSY = ((60, 0.97), (120, 0.95), (200, 0.91))
_DENOISE = ((4, 0.87), (8, 0.83))
"""Steps below the fewest colours, with the share of bytes that these were seen to take; film takes less."""
_FPS = (18, 16, 12)
_LONGER_STEP = 1.08
"""A step between frames that lie further apart is larger."""


@dataclass(frozen=True)
class Rung:
    """One step of the ladder from the best looking to the smallest, with the bytes that are expected."""

    drawing: Drawing
    expected_bytes: float


@dataclass(frozen=True)
class Choice:
    """What the sample told: the ladder, from the best looking on, and where `balanced` begins on it."""

    ladder: Sequence[Rung]
    balanced: int

    def best_rung(self, recipe: Recipe) -> int:
        """Return the best looking rung wanted: only `best` and `max_mb` spend bytes that are not seen."""
        return 0 if recipe.quality is Quality.BEST or recipe.max_mb is not None else self.balanced

    def fitting(self, budget: float | None, *, start: int, scale: float = 1.0) -> int:
        """Return the first rung from `start` on that should fit, or the last.

        `scale` corrects what is expected.
        """
        for number in range(start, len(self.ladder)):
            if budget is None or self.ladder[number].expected_bytes * scale <= AIM * budget:
                return number
        return len(self.ladder) - 1

    def estimates(self) -> dict[str, int]:
        """Return the bytes to expect for each quality."""
        return {str(quality): self._estimate(Recipe(quality=quality)) for quality in BUDGETS_BYTES}

    def _estimate(self, recipe: Recipe) -> int:
        rung = self.fitting(budget_bytes(recipe), start=self.best_rung(recipe))
        return round(self.ladder[rung].expected_bytes)


def budget_bytes(recipe: Recipe) -> float | None:
    """Return what the GIF may take; `max_mb` counts before the quality's own."""
    return recipe.max_mb * 1e6 if recipe.max_mb is not None else BUDGETS_BYTES[recipe.quality]


def choose(sample: Sample, *, threads: int, on_tick: Callable[[], None]) -> Choice:
    """Draw and measure the sample in a few ways. Raises TimedOut and EncodeError."""

    def look(*drawings: Drawing) -> list[Measured]:
        found: dict[Drawing, Measured] = {}

        def piece(drawing: Drawing) -> Piece:
            return lambda check: found.update({drawing: sample.measure(drawing, check)})

        side_by_side([piece(drawing) for drawing in drawings], at_once=threads, on_tick=on_tick)
        return [found[drawing] for drawing in drawings]

    first = Drawing(MANY), Drawing(FEW)

    def write_palettes(check: Callable[[], None]) -> None:
        for drawing in first:
            check()
            sample.write_palette(drawing)

    side_by_side([sample.cut, write_palettes], at_once=threads, on_tick=on_tick)
    many, few = look(*first)
    if many.likeness.vmaf >= CLEAR_VMAF:
        return _climb(sample, many, few)
    perceptual, dithered = look(Drawing(MANY, "perceptual"), Drawing(MANY, dither=DITHER))
    if _is_worth_it(perceptual, instead_of=many):
        many, (few,) = perceptual, look(replace(perceptual.drawing, colours=FEW))
    return _climb(sample, many, few, dithered if _is_worth_it(dithered, instead_of=many) else None)


def _is_worth_it(candidate: Measured, *, instead_of: Measured) -> bool:
    """True if it looks better by more than it costs: ten percent more bytes must buy a point of VMAF.

    Blurred PSNR counts a quarter as much as VMAF, a point of banding as much.
    """

    def worth(measured: Measured) -> float:
        like = measured.likeness
        looks = like.vmaf + like.blurred_psnr_db / 4 - max(0.0, like.cambi - BANDED_CAMBI)
        return looks - 10 * log(max(1.0, measured.step_bytes))

    return worth(candidate) > worth(instead_of)


def _climb(sample: Sample, many: Measured, few: Measured, dithered: Measured | None = None) -> Choice:
    """Make the ladder. A dither is its top: where bytes are short, more colours without one look better."""
    changing = many.step_bytes > MOVING_SHARE * many.whole_bytes
    base = replace(many.drawing, changing=changing)
    most, least = (measured.total_bytes(sample, changing=changing) for measured in (many, few))

    def between(colours: int) -> float:
        """Bytes at a number of colours, on the line through both measurements."""
        return most + (least - most) * _way_down(colours)

    ladder = [Rung(replace(base, colours=colours), max(1.0, between(colours))) for colours in _COLOURS]
    ladder += _below(ladder[-1], sample)
    if dithered is None:
        return Choice(ladder, _balanced(many, few))
    drawing = replace(dithered.drawing, changing=changing)
    return Choice([Rung(drawing, dithered.total_bytes(sample, changing=changing)), *ladder], 0)


def _below(fewest: Rung, sample: Sample) -> Iterator[Rung]:
    """Yield what comes when fewer colours would look poor: loss, then calm, then fewer pictures a second."""
    drawing, share = fewest.drawing, 1.0
    for lossy, share in _LOSSY:
        drawing = replace(drawing, lossy=lossy)
        yield Rung(drawing, fewest.expected_bytes * share)
    for denoise, share in _DENOISE:
        drawing = replace(drawing, denoise=denoise)
        yield Rung(drawing, fewest.expected_bytes * share)
    for fps in _FPS:
        left = _LONGER_STEP * sample.frames * fps / Recipe.fps / max(1, sample.moving)
        yield Rung(replace(drawing, fps=fps), fewest.expected_bytes * share * min(1.0, left))


def _way_down(colours: int) -> float:
    """Return 0 at MANY colours, 1 at FEW, by the logarithm."""
    return log2(MANY / colours) / log2(MANY / FEW)


def _balanced(many: Measured, few: Measured) -> int:
    """Return the rung with the fewest colours that still looks the same as MANY do."""
    vmaf_lost = max(0.0, many.likeness.vmaf - few.likeness.vmaf)
    psnr_lost_db = max(0.0, many.likeness.blurred_psnr_db - few.likeness.blurred_psnr_db)
    same = [
        number
        for number, colours in enumerate(_COLOURS)
        if colours >= FEW
        and _way_down(colours) * vmaf_lost <= SAME_VMAF
        and _way_down(colours) * psnr_lost_db <= SAME_PSNR_DB
    ]
    return same[-1]

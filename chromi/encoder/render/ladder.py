"""Choose how to draw: the fewest bytes that still look right, found by measuring a sample."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import log, log2, pow

from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.process.parallel import Task, run_parallel
from chromi.encoder.render.quality_metrics import QualityScores
from chromi.encoder.render.renderer import KINDS, RenderSettings
from chromi.encoder.render.sample import Measurement, Sample

BUDGETS_BYTES = {Quality.SMALL: 12e6, Quality.BALANCED: 30e6, Quality.BEST: None}
"""What each quality may take at most."""
AIM = 0.97
"""Share of a budget that is aimed at: a prediction may be some percent off; a second try costs seconds."""

MOST_COLORS, FEW_COLORS, FEWEST_COLORS = 256, 64, 24
"""The numbers of colors that are drawn; bytes and likeness between them follow the logarithm."""
DITHER = "bayer:bayer_scale=2"
"""The one that helps where any does; error diffusion takes ten times as long and more bytes."""
CLEAR_VMAF = 97.0
"""Little can be gained above it: a dither is not even tried."""


@dataclass(frozen=True)
class Tolerance:
    """What may be given up for fewer bytes, against MOST_COLORS; above `clear_db` nothing is missed."""

    vmaf: float
    blurred_psnr_db: float
    clear_db: float
    color_error: float


SAME = Tolerance(vmaf=0.07, blurred_psnr_db=1.0, clear_db=48, color_error=10)
"""What `balanced` gives up at most: nothing that is seen."""
NOTHING = Tolerance(vmaf=0.07, blurred_psnr_db=0.3, clear_db=52, color_error=5)
"""What `best` gives up: a gradient in 256 colors takes three times the bytes of 64, and is as smooth."""

_COLORS = (256, 224, 192, 176, 160, 144, 128, 112, 96, 80, 64, 56, *range(48, FEWEST_COLORS - 2, -2))
_FEWEST_SHARE = 0.65
"""What FEWEST_COLORS colors take of the bytes of FEW_COLORS, about, where nothing so small is asked for."""
_LOSSY = ((60, 0.93), (120, 0.91), (200, 0.87))
_DENOISE = ((4, 0.83), (8, 0.79))
"""Steps below the fewest colors, with the share of bytes that these were seen to take; film takes less."""
_FPS = (18, 16, 12)
_LONGER_STEP = 1.08
"""A step between frames that lie further apart is larger."""


@dataclass(frozen=True)
class Rung:
    """One step of the ladder from the best looking to the smallest, with the bytes that are expected."""

    drawing: RenderSettings
    expected_bytes: float


@dataclass(frozen=True)
class Choice:
    """What the sample told: the ladder, from the best looking on, and where `best` and the others begin."""

    ladder: Sequence[Rung]
    best: int
    balanced: int

    def best_rung(self, options: ConversionOptions) -> int:
        """Return the best looking rung wanted: only `best` and `max_mb` spend bytes that are hardly seen."""
        is_best = options.quality is Quality.BEST or options.max_mb is not None
        return self.best if is_best else self.balanced

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
        return {str(quality): self._estimate(ConversionOptions(quality=quality)) for quality in BUDGETS_BYTES}

    def _estimate(self, options: ConversionOptions) -> int:
        rung = self.fitting(budget_bytes(options), start=self.best_rung(options))
        return round(self.ladder[rung].expected_bytes)


def budget_bytes(options: ConversionOptions) -> float | None:
    """Return what the GIF may take; `max_mb` counts before the quality's own."""
    return options.max_mb * 1e6 if options.max_mb is not None else BUDGETS_BYTES[options.quality]


def choose(
    sample: Sample, options: ConversionOptions, *, threads: int, on_tick: Callable[[], None]
) -> Choice:
    """Draw the sample in a few ways and look. Raises TimedOut and EncodeError."""
    looks: dict[RenderSettings, Measurement] = {}
    weights: dict[RenderSettings, float] = {}
    budgets = [budget for budget in (*BUDGETS_BYTES.values(), budget_bytes(options)) if budget]
    many, few, fewest = (RenderSettings(colors) for colors in (MOST_COLORS, FEW_COLORS, FEWEST_COLORS))
    dithered = replace(many, dither=DITHER)

    def together(*pieces: Task) -> None:
        run_parallel(pieces, at_once=threads, on_tick=on_tick)

    def write_palettes(check: Callable[[], None]) -> None:
        for drawing in (many, few):
            check()
            sample.write_palette(drawing)

    def look(drawing: RenderSettings) -> Task:
        return lambda check: looks.update({drawing: sample.look(drawing, check)})

    def weigh(drawing: RenderSettings) -> Task:
        return lambda check: weights.update({drawing: sample.weigh(drawing, check)})

    together(sample.cut, write_palettes)
    together(look(many), look(few))
    may_dither = looks[many].likeness.vmaf < CLEAR_VMAF
    needs_fewer = looks[few].total_bytes > min(budgets)
    together(*([weigh(fewest)] if needs_fewer else []), *([look(dithered)] if may_dither else []))
    ladder = list(_climb(sample, looks[many], looks[few], weights.get(fewest)))
    if may_dither and _is_worth_it(looks[dithered], instead_of=looks[many]):
        return Choice([*_dithered(looks[dithered], ladder), *ladder], 0, 0)
    best, balanced = (
        _fewest_within(tolerance, looks[many].likeness, looks[few].likeness) for tolerance in (NOTHING, SAME)
    )
    return Choice(ladder, best, balanced)


def _is_worth_it(candidate: Measurement, *, instead_of: Measurement) -> bool:
    """True if it looks better by more than it costs: ten percent more bytes must buy a point of VMAF.

    Blurred PSNR counts a quarter as much as VMAF, a point of banding as much.
    """

    def worth(look: Measurement) -> float:
        like = look.likeness
        looks = like.vmaf + like.blurred_psnr_db / 4 - like.cambi
        return looks - 10 * log(max(1.0, look.total_bytes))

    return worth(candidate) > worth(instead_of)


def _kinds(*looks: Measurement) -> tuple[str, ...]:
    """Return the one kind that will do for all of these, or all kinds."""
    common = [kind for kind in KINDS if all(kind in look.kinds for look in looks)]
    return (common[0],) if common else KINDS


def _climb(
    sample: Sample, many: Measurement, few: Measurement, weighed_bytes: float | None
) -> Iterator[Rung]:
    """Yield the ladder: fewer and fewer colors, then what is worse.

    FEWEST_COLORS colors were weighed only if a budget asks for that.
    """
    many_bytes, few_bytes = many.total_bytes, few.total_bytes
    fewest_bytes = weighed_bytes or few_bytes * _FEWEST_SHARE
    kinds = _kinds(many, few)

    def between(colors: int) -> float:
        """Bytes at a number of colors: on a line down to FEW_COLORS, from there on by equal shares.

        So a conversion is mostly off by 1 to 4 percent; a line all the way is off by 4 to 8.
        """
        if colors >= FEW_COLORS:
            return many_bytes + (few_bytes - many_bytes) * _way_down(colors, MOST_COLORS, FEW_COLORS)
        return few_bytes * pow(fewest_bytes / few_bytes, _way_down(colors, FEW_COLORS, FEWEST_COLORS))

    for colors in _COLORS:
        rung = Rung(RenderSettings(colors, kinds=kinds), max(1.0, between(colors)))
        yield rung
    yield from _below(rung, sample)


def _dithered(top: Measurement, ladder: Sequence[Rung]) -> Iterator[Rung]:
    """Yield the rungs above a ladder: with a dither, while it takes more bytes than MOST_COLORS without.

    At the same size, more colors without one look better.
    """
    many_bytes, kinds = ladder[0].expected_bytes, _kinds(top)
    for rung in ladder:
        expected_bytes = top.total_bytes * rung.expected_bytes / many_bytes
        if expected_bytes <= many_bytes:
            break
        yield Rung(replace(top.drawing, colors=rung.drawing.colors, kinds=kinds), expected_bytes)


def _below(fewest: Rung, sample: Sample) -> Iterator[Rung]:
    """Yield what comes when fewer colors would look poor: loss, then calm, then fewer pictures a second."""
    drawing, share = fewest.drawing, 1.0
    for lossy, share in _LOSSY:
        drawing = replace(drawing, lossy=lossy)
        yield Rung(drawing, fewest.expected_bytes * share)
    for denoise, share in _DENOISE:
        drawing = replace(drawing, denoise=denoise)
        yield Rung(drawing, fewest.expected_bytes * share)
    for fps in _FPS:
        left = _LONGER_STEP * sample.whole.count * fps / ConversionOptions.fps / max(1, sample.moving)
        yield Rung(replace(drawing, fps=fps), fewest.expected_bytes * share * min(1.0, left))


def _way_down(colors: int, above: int, below: int) -> float:
    """Return 0 at `above` colors, 1 at `below`, by the logarithm."""
    return log2(above / colors) / log2(above / below)


def _fewest_within(tolerance: Tolerance, many: QualityScores, few: QualityScores) -> int:
    """Return the rung with the fewest colors, FEW_COLORS or more, that loses no more than this."""
    vmaf_lost = max(0.0, many.vmaf - few.vmaf)
    lost_db = max(0.0, many.blurred_psnr_db - few.blurred_psnr_db)
    color_lost = max(0.0, few.color_error - many.color_error)
    spare_db = max(0.0, many.blurred_psnr_db - tolerance.clear_db)
    within = [
        number
        for number, colors in enumerate(_COLORS)
        if colors >= FEW_COLORS
        and _way_down(colors, MOST_COLORS, FEW_COLORS) * vmaf_lost <= tolerance.vmaf
        and _way_down(colors, MOST_COLORS, FEW_COLORS) * lost_db <= spare_db + tolerance.blurred_psnr_db
        and _way_down(colors, MOST_COLORS, FEW_COLORS) * color_lost <= tolerance.color_error
    ]
    return within[-1]

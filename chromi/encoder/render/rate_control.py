"""Draw until it fits: the best looking GIF under a size, in as few tries as predictions allow."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import CannotFit
from chromi.encoder.render.ladder import Choice
from chromi.encoder.render.renderer import RenderSettings

TYPICAL_TRIES = 3
"""Whole drawings after which a GIF that fits is good enough, however much room it leaves."""
ROOM = 0.8
"""Share of the budget below which one more try for a better looking one is worth its seconds."""

Draw = Callable[[RenderSettings, Path], int]
"""Draws the whole film into a file and returns its bytes."""


@dataclass(frozen=True)
class FittedGif:
    """The drawing that was taken, its bytes, and how many were made to find it."""

    drawing: RenderSettings
    bytes: int
    tries: int


def fit(choice: Choice, best: int, budget: float | None, gif_path: Path, draw: Draw) -> FittedGif:
    """Leave the best looking GIF under `budget` bytes at `gif_path`; None fits anything.

    Rung `best` is the best looking one that is wanted. What a try really took corrects what is expected of
    the other rungs. Raises CannotFit with the smallest size reached if not even the last rung fits.
    """
    try_path = gif_path.with_suffix(".try.gif")
    taken: tuple[int, FittedGif] | None = None
    rung: int | None = choice.fitting(budget, start=best)
    too_big, smallest, tries = best - 1, 0, 0
    try:
        while rung is not None:
            drawing, expected = choice.ladder[rung].drawing, choice.ladder[rung].expected_bytes
            size, tries = draw(drawing, try_path), tries + 1
            smallest = min(smallest or size, size)
            if budget is None or size <= budget:
                taken = (rung, FittedGif(drawing, size, tries))
                try_path.replace(gif_path)
            else:
                too_big = rung
            rung = _next(choice, budget, size / expected, too_big, taken, tries)
    finally:
        try_path.unlink(missing_ok=True)
    if taken is None:
        raise CannotFit.under(budget or 0, smallest)
    return FittedGif(taken[1].drawing, taken[1].bytes, tries)


def _next(
    choice: Choice,
    budget: float | None,
    scale: float,
    too_big: int,
    taken: tuple[int, FittedGif] | None,
    tries: int,
) -> int | None:
    """Return the rung to try next, or None when the search is over."""
    if taken is None:
        if too_big == len(choice.ladder) - 1:
            return None
        return choice.fitting(budget, start=too_big + 1, scale=scale)
    rung, fitted = taken
    if budget is None or tries >= TYPICAL_TRIES or fitted.bytes >= ROOM * budget:
        return None
    better = choice.fitting(budget, start=too_big + 1, scale=scale)
    return better if better < rung else None

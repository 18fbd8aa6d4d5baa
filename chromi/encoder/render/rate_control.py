"""Rate control: find the best quality that fits a size budget, with as few renderings as possible."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from chromi.encoder.encoder_errors import CannotFit
from chromi.encoder.render.ladder import Ladder
from chromi.encoder.render.render_settings import RenderSettings

TYPICAL_TRIES = 3
"""After this many renderings any GIF that fits is accepted."""
MIN_USED_SHARE = 0.8
"""Another rendering at a better quality is worth its time if less than this share of the budget is used."""

Render = Callable[[RenderSettings, Path], int]
"""Renders the whole GIF into a file and returns its bytes."""


@dataclass(frozen=True)
class FittedGif:
    """The accepted rendering: its settings, its bytes, and the number of renderings that were needed."""

    settings: RenderSettings
    bytes: int
    tries: int


@dataclass(frozen=True)
class _Search:
    """State of the search; `too_large` and `fitting_index` are indexes of rungs."""

    too_large: int
    scale: float = 1.0
    tries: int = 0
    smallest_bytes: int | None = None
    fitting_index: int | None = None
    fitted: FittedGif | None = None


def fit_to_budget(
    ladder: Ladder,
    start: int,
    budget_bytes: float,
    gif_path: Path,
    render: Render,
    *,
    must_fit: bool,
) -> FittedGif:
    """Write the best GIF that fits `budget_bytes` to `gif_path`.

    `start` is the index of the best rung to consider. The actual size of each rendering corrects the expected
    sizes of the other rungs. If even the last rung does not fit, the result is its GIF, unless `must_fit`;
    then this raises CannotFit with the smallest size reached.
    """
    try_path = gif_path.with_suffix(".try.gif")
    search = _Search(too_large=start - 1)
    index: int | None = ladder.find_fitting(budget_bytes, start=start)
    try:
        while index is not None:
            settings = ladder.rungs[index].settings
            size_bytes = render(settings, try_path)
            is_accepted = index == len(ladder.rungs) - 1 and not must_fit
            search = _record(search, ladder, index, size_bytes, inf if is_accepted else budget_bytes)
            if search.fitting_index == index:
                try_path.replace(gif_path)
            index = _next_index(search, ladder, budget_bytes)
    finally:
        try_path.unlink(missing_ok=True)
    if search.fitted is None:
        raise CannotFit.under(budget_bytes, search.smallest_bytes or 0)
    return replace(search.fitted, tries=search.tries)


def _record(search: _Search, ladder: Ladder, index: int, size_bytes: int, budget_bytes: float) -> _Search:
    """Return the state of the search after the rendering of a rung."""
    rung, tries = ladder.rungs[index], search.tries + 1
    search = replace(
        search,
        scale=size_bytes / rung.expected_bytes,
        tries=tries,
        smallest_bytes=min(search.smallest_bytes or size_bytes, size_bytes),
    )
    if size_bytes <= budget_bytes:
        return replace(search, fitting_index=index, fitted=FittedGif(rung.settings, size_bytes, tries))
    return replace(search, too_large=index)


def _next_index(search: _Search, ladder: Ladder, budget_bytes: float) -> int | None:
    """Return the index of the rung to render next, or None if the search is over."""
    if search.fitted is None or search.fitting_index is None:
        if search.too_large == len(ladder.rungs) - 1:
            return None
        return ladder.find_fitting(budget_bytes, start=search.too_large + 1, scale=search.scale)
    if search.tries >= TYPICAL_TRIES:
        return None
    if search.fitted.bytes >= MIN_USED_SHARE * budget_bytes:
        return None
    better = ladder.find_fitting(budget_bytes, start=search.too_large + 1, scale=search.scale)
    return better if better < search.fitting_index else None

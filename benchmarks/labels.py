"""Place labels and ticks in a chart without overlaps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_DISTANCES_PX = (9.0, 15.0, 24.0, 36.0, 50.0, 66.0)
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


@dataclass(frozen=True)
class Box:
    """A rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not beside and self.top < other.bottom and other.top < self.bottom

    def contains(self, other: Box) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    @classmethod
    def around(cls, x: float, y: float, reach: float) -> Box:
        return cls(x - reach, y - reach, x + reach, y + reach)


def place_label(
    x: float, y: float, width: float, height: float, *, inside: Box, occupied: Sequence[Box]
) -> Box | None:
    """Return the free box nearest to the point for a label of this size, or None."""
    for box in _candidate_boxes(x, y, width, height):
        if inside.contains(box) and not any(box.overlaps(other) for other in occupied):
            return box
    return None


def _candidate_boxes(x: float, y: float, width: float, height: float) -> Iterator[Box]:
    for distance in _DISTANCES_PX:
        for across, down in _DIRECTIONS:
            reach = distance / math.hypot(across, down)
            left = x + across * reach + (across - 1) * width / 2
            top = y + down * reach + (down - 1) * height / 2
            yield Box(left, top, left + width, top + height)


def line_boxes(start: tuple[float, float], end: tuple[float, float], reach: float = 2) -> Iterator[Box]:
    """Yield small boxes that cover a line, so labels are not placed on it."""
    steps = max(1, round(math.dist(start, end) / (2 * reach)))
    for step in range(steps + 1):
        fraction = step / steps
        x, y = (a + (b - a) * fraction for a, b in zip(start, end, strict=True))
        yield Box.around(x, y, reach)


def nice_ticks(low: float, high: float, max_steps: int = 5) -> list[float]:
    """Return round numbers from `low` to `high`, at most `max_steps` + 1 of them."""
    rough = (high - low) / max_steps
    power = 10 ** math.floor(math.log10(rough))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 6) for number in range(first, math.floor(high / step + 1e-9) + 1)]

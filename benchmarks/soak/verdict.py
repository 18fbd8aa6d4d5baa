"""Is it flat? A line through the last half of the samples, and a look at what is left afterwards."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.soak.watch import Sample

MAY_GROW = {
    # By the end of a name: how much a line through the last half may rise from its begin to its end.
    "memory, MB": 12.0,
    "descriptors": 6.0,
    "threads": 2.0,
    "frames, MB": 500.0,
    "work, MB": 500.0,
    "uploads, MB": 100.0,
    "results, MB": 200.0,
    "tmp, MB": 50.0,
    "databases, MB": 1.0,
    "WAL, MB": 6.0,
    "jobs": 10.0,
}
MAY_STAY = {
    # How much may be left when all is quiet.
    "memory, MB": 250.0,
    "frames, MB": 0.0,
    "work, MB": 0.0,
    "uploads, MB": 0.0,
    "results, MB": 60.0,  # the one that is shared
    "tmp, MB": 0.0,
    "databases, MB": 5.0,
    "WAL, MB": 10.0,
    "jobs": 0.0,
    "converters": 0.0,
}
MAY_REMAIN_OPEN = 6
"""More descriptors or threads than before the first visitor, when all is quiet."""
HEALTH_P95_MS = 1000.0


@dataclass(frozen=True)
class BaseModel:
    """One line of the table; growth is None for what need not be flat."""

    name: str
    first: float
    highest: float
    growth: float | None
    quiet: float
    trouble: str

    def __str__(self) -> str:
        growth = "" if self.growth is None else f"{self.growth:+.1f}"
        cells = (f"{self.first:.1f}", f"{self.highest:.1f}", growth, f"{self.quiet:.1f}")
        return f"| {self.name} | {' | '.join(cells)} | {self.trouble or 'flat'} |"


def judge(before: Sample, samples: Sequence[Sample], quiet: Sample) -> list[BaseModel]:
    """Look at every series; `before` and `quiet` were taken without visitors."""
    names = dict.fromkeys(name for sample in (before, *samples, quiet) for name in sample)
    return [_judge_one(name, before, samples, quiet) for name in names]


def _judge_one(name: str, before: Sample, samples: Sequence[Sample], quiet: Sample) -> BaseModel:
    values = [sample.get(name, 0.0) for sample in samples]
    growth = growth_of(values[len(values) // 2 :])
    first, left = before.get(name, 0.0), quiet.get(name, 0.0)
    trouble = []
    limit = _limit(name, MAY_GROW)
    if limit is not None and growth > limit:
        trouble.append(f"GROWS by more than {limit:g}")
    stay = first + MAY_REMAIN_OPEN if name.endswith(("descriptors", "threads")) else _limit(name, MAY_STAY)
    if stay is not None and left > stay:
        trouble.append(f"LEAVES more than {stay:g}")
    if name.startswith("health") and percentile_95(values) > HEALTH_P95_MS:
        trouble.append(f"SLOWER than {HEALTH_P95_MS:g}")
    return BaseModel(name, first, max(values), None if limit is None else growth, left, ", ".join(trouble))


def growth_of(values: Sequence[float]) -> float:
    """Return how much a line through the values rises from the first to the last."""
    if len(values) < 3:
        return 0.0
    return statistics.linear_regression(range(len(values)), values).slope * (len(values) - 1)


def percentile_95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else max(values)


def _limit(name: str, limits: dict[str, float]) -> float | None:
    return next((limit for ending, limit in limits.items() if name.endswith(ending)), None)

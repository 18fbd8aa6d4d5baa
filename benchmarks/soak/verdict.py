"""Judge each series of samples: does it grow in its second half, and how much is left at the end?"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.soak.sampling import Sample

MAX_GROWTH = {
    # By the end of a name: how much a regression line through the second half may rise.
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
MAX_REMAINING = {
    # By the end of a name: how much may be left when the service is idle.
    "memory, MB": 250.0,
    "frames, MB": 0.0,
    "work, MB": 0.0,
    "uploads, MB": 0.0,
    "results, MB": 60.0,  # the shared background
    "tmp, MB": 0.0,
    "databases, MB": 5.0,
    "WAL, MB": 10.0,
    "jobs": 0.0,
    "converters": 0.0,
}
MAX_REMAINING_DESCRIPTORS = 6
"""Of descriptors or threads: more than before the first visitor, when the service is idle."""
HEALTH_P95_MS = 1000.0


@dataclass(frozen=True)
class Verdict:
    """One row of the table. `growth` is None if the series may grow, `problem` is empty if all is well."""

    name: str
    before: float
    highest: float
    growth: float | None
    remaining: float
    problem: str

    def __str__(self) -> str:
        growth = "" if self.growth is None else f"{self.growth:+.1f}"
        cells = (f"{self.before:.1f}", f"{self.highest:.1f}", growth, f"{self.remaining:.1f}")
        return f"| {self.name} | {' | '.join(cells)} | {self.problem or 'flat'} |"


def judge(before: Sample, samples: Sequence[Sample], after: Sample) -> list[Verdict]:
    """Judge every series. `before` and `after` are samples without visitors."""
    names = dict.fromkeys(name for sample in (before, *samples, after) for name in sample)
    return [_judge_series(name, before, samples, after) for name in names]


def _judge_series(name: str, before: Sample, samples: Sequence[Sample], after: Sample) -> Verdict:
    values = [sample.get(name, 0.0) for sample in samples]
    growth = measure_growth(values[len(values) // 2 :])
    first, remaining = before.get(name, 0.0), after.get(name, 0.0)
    problems = []
    limit = _limit(name, MAX_GROWTH)
    if limit is not None and growth > limit:
        problems.append(f"GROWS by more than {limit:g}")
    max_remaining = _limit(name, MAX_REMAINING)
    if name.endswith(("descriptors", "threads")):
        max_remaining = first + MAX_REMAINING_DESCRIPTORS
    if max_remaining is not None and remaining > max_remaining:
        problems.append(f"LEAVES more than {max_remaining:g}")
    if name.startswith("health") and compute_p95(values) > HEALTH_P95_MS:
        problems.append(f"SLOWER than {HEALTH_P95_MS:g}")
    return Verdict(
        name, first, max(values), None if limit is None else growth, remaining, ", ".join(problems)
    )


def measure_growth(values: Sequence[float]) -> float:
    """Return how much a regression line through the values rises from the first to the last one."""
    if len(values) < 3:
        return 0.0
    return statistics.linear_regression(range(len(values)), values).slope * (len(values) - 1)


def compute_p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else max(values)


def _limit(name: str, limits: dict[str, float]) -> float | None:
    return next((limit for ending, limit in limits.items() if name.endswith(ending)), None)

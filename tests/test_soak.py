"""The soak's verdict: it finds what grows, and nothing else."""

import math

from benchmarks.soak.verdict import growth_of, judge, percentile_95
from benchmarks.soak.watch import Sample


def noisy(value: float, step: int) -> float:
    return value + 3 * math.sin(7 * step * step)


def sample(**values: float) -> Sample:
    return {
        "web: memory, MB": 80.0,
        "web: descriptors": 20.0,
        "disk: media/work, MB": 0.0,
        "disk: WAL, MB": 4.0,
        "health: ms": 10.0,
    } | values


def problems(samples: list[Sample], quiet: Sample | None = None) -> dict[str, str]:
    found = judge(sample(), samples, quiet or sample())
    return {row.name: row.trouble for row in found if row.trouble}


def test_constant_service_is_reported_flat() -> None:
    assert problems([sample(**{"web: memory, MB": noisy(90, step)}) for step in range(60)]) == {}


def test_initial_growth_that_stops_is_no_leak() -> None:
    values = [80.0 + min(step, 20) * 3 for step in range(60)]
    assert problems([sample(**{"web: memory, MB": value}) for value in values]) == {}


def test_leak_is_found_in_noise() -> None:
    samples = [sample(**{"web: memory, MB": noisy(80 + step, step)}) for step in range(60)]
    assert "GROWS" in problems(samples)["web: memory, MB"]


def test_open_descriptors_are_found_at_the_end() -> None:
    left = problems([sample() for _ in range(10)], sample(**{"web: descriptors": 30.0}))
    assert "LEAVES" in left["web: descriptors"]


def test_remaining_file_is_found() -> None:
    left = problems([sample() for _ in range(10)], sample(**{"disk: media/work, MB": 0.5}))
    assert list(left) == ["disk: media/work, MB"]


def test_slow_health_check_is_found() -> None:
    assert "SLOWER" in problems([sample(**{"health: ms": 1500.0}) for _ in range(10)])["health: ms"]


def test_regression_line_and_percentile() -> None:
    assert growth_of([1, 2, 3, 4]) == 3
    assert growth_of([1, 2]) == 0
    assert percentile_95([7.0]) == 7.0

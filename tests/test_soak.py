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


def troubles(samples: list[Sample], quiet: Sample | None = None) -> dict[str, str]:
    found = judge(sample(), samples, quiet or sample())
    return {row.name: row.trouble for row in found if row.trouble}


def test_a_service_that_stays_as_it_was_is_flat() -> None:
    assert troubles([sample(**{"web: memory, MB": noisy(90, step)}) for step in range(60)]) == {}


def test_what_it_takes_at_first_and_then_keeps_is_no_growth() -> None:
    values = [80.0 + min(step, 20) * 3 for step in range(60)]
    assert troubles([sample(**{"web: memory, MB": value}) for value in values]) == {}


def test_a_leak_is_found_under_its_noise() -> None:
    samples = [sample(**{"web: memory, MB": noisy(80 + step, step)}) for step in range(60)]
    assert "GROWS" in troubles(samples)["web: memory, MB"]


def test_descriptors_that_are_not_closed_are_found_at_the_end() -> None:
    left = troubles([sample() for _ in range(10)], sample(**{"web: descriptors": 30.0}))
    assert "LEAVES" in left["web: descriptors"]


def test_a_file_that_stays_is_found() -> None:
    left = troubles([sample() for _ in range(10)], sample(**{"disk: media/work, MB": 0.5}))
    assert list(left) == ["disk: media/work, MB"]


def test_slow_health_is_found() -> None:
    assert "SLOWER" in troubles([sample(**{"health: ms": 1500.0}) for _ in range(10)])["health: ms"]


def test_the_line_and_the_percentile() -> None:
    assert growth_of([1, 2, 3, 4]) == 3
    assert growth_of([1, 2]) == 0
    assert percentile_95([7.0]) == 7.0

"""The soak test reports measurements that grow, and no others."""

import math

from benchmarks.soak.sampling import Sample
from benchmarks.soak.verdict import compute_p95, judge, measure_growth


def add_noise(value: float, step: int) -> float:
    return value + 3 * math.sin(7 * step * step)


def make_sample(**values: float) -> Sample:
    return {
        "web: memory, MB": 80.0,
        "web: descriptors": 20.0,
        "disk: media/work, MB": 0.0,
        "disk: WAL, MB": 4.0,
        "health: ms": 10.0,
    } | values


def find_problems(samples: list[Sample], after: Sample | None = None) -> dict[str, str]:
    verdicts = judge(make_sample(), samples, after or make_sample())
    return {verdict.name: verdict.problem for verdict in verdicts if verdict.problem}


def test_constant_measurements_are_not_reported_as_growth() -> None:
    samples = [make_sample(**{"web: memory, MB": add_noise(90, step)}) for step in range(60)]
    assert find_problems(samples) == {}


def test_initial_growth_that_stops_is_not_reported() -> None:
    values = [80.0 + min(step, 20) * 3 for step in range(60)]
    assert find_problems([make_sample(**{"web: memory, MB": value}) for value in values]) == {}


def test_leak_is_found_in_noise() -> None:
    samples = [make_sample(**{"web: memory, MB": add_noise(80 + step, step)}) for step in range(60)]
    assert "GROWS" in find_problems(samples)["web: memory, MB"]


def test_descriptors_left_open_are_reported() -> None:
    problems = find_problems([make_sample() for _ in range(10)], make_sample(**{"web: descriptors": 30.0}))
    assert "LEAVES" in problems["web: descriptors"]


def test_remaining_file_is_found() -> None:
    problems = find_problems([make_sample() for _ in range(10)], make_sample(**{"disk: media/work, MB": 0.5}))
    assert list(problems) == ["disk: media/work, MB"]


def test_slow_health_check_is_found() -> None:
    assert "SLOWER" in find_problems([make_sample(**{"health: ms": 1500.0}) for _ in range(10)])["health: ms"]


def test_regression_line_and_percentile() -> None:
    assert measure_growth([1, 2, 3, 4]) == 3
    assert measure_growth([1, 2]) == 0
    assert compute_p95([7.0]) == 7.0

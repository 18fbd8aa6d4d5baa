"""Parallel tasks return their results, and all of them stop when one fails."""

import time
from collections.abc import Callable

import pytest

from chromi.encoder.encoder_errors import Cancelled
from chromi.encoder.process.parallel import run_parallel


def test_results_have_the_order_of_the_tasks() -> None:
    def slow(check: Callable[[], None]) -> str:
        time.sleep(0.05)
        return "slow"

    assert run_parallel([slow, lambda check: "fast"], max_parallel=2, on_tick=lambda: None) == [
        "slow",
        "fast",
    ]


def test_first_failure_stops_other_tasks_and_is_raised() -> None:
    stopped: list[str] = []

    def fail(check: Callable[[], None]) -> None:
        raise ValueError("broken")

    def run_until_stopped(check: Callable[[], None]) -> None:
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                check()
                time.sleep(0.01)
        except Cancelled:
            stopped.append("stopped")
            raise

    with pytest.raises(ValueError, match="broken"):
        run_parallel([run_until_stopped, fail], max_parallel=2, on_tick=lambda: None)
    assert stopped == ["stopped"]

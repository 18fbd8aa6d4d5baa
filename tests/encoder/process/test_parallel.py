"""Parallel tasks return their results, and all of them stop when one fails."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from chromi.encoder.encoder_errors import Cancelled
from chromi.encoder.process.parallel import Task, run_parallel

UNAVAILABLE_BYTES = 2**47
"""A stack as large as the whole address space of a process."""


@pytest.fixture
def stopped() -> list[str]:
    """What `run_until_stopped` appends to."""
    return []


@pytest.fixture
def run_until_stopped(stopped: list[str]) -> Task[None]:
    """A task that ends when it is stopped, or fails to be stopped within ten seconds."""

    def run_until_stopped(check: Callable[[], None]) -> None:
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                check()
                time.sleep(0.01)
        except Cancelled:
            stopped.append("stopped")
            raise

    return run_until_stopped


def test_results_have_the_order_of_the_tasks() -> None:
    def slow(check: Callable[[], None]) -> str:
        time.sleep(0.05)
        return "slow"

    assert run_parallel([slow, lambda check: "fast"], max_parallel=2, on_tick=lambda: None) == [
        "slow",
        "fast",
    ]


def test_first_failure_stops_other_tasks_and_is_raised(
    run_until_stopped: Task[None], stopped: list[str]
) -> None:
    def fail(check: Callable[[], None]) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_parallel([run_until_stopped, fail], max_parallel=2, on_tick=lambda: None)
    assert stopped == ["stopped"]


def test_thread_that_cannot_start_stops_other_tasks(
    run_until_stopped: Task[None], stopped: list[str]
) -> None:
    started = threading.Event()

    def first(check: Callable[[], None]) -> None:
        started.set()
        run_until_stopped(check)

    def tasks() -> Iterator[Task[None]]:
        yield first
        started.wait(10)
        threading.stack_size(UNAVAILABLE_BYTES)
        yield run_until_stopped

    try:
        with pytest.raises(RuntimeError, match="can't start new thread"):
            run_parallel(tasks(), max_parallel=2, on_tick=lambda: None)  # type: ignore[arg-type]
    finally:
        threading.stack_size(0)
    assert stopped == ["stopped"]

"""Run tasks in parallel, each with its own subprocess, and stop all of them when one must stop."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from chromi.encoder.encoder_errors import Cancelled

TICK_S = 0.1

Result = TypeVar("Result")

Task = Callable[[Callable[[], None]], Result]
"""A function that receives a callback and must call it ten times a second."""


def run_parallel(
    tasks: Sequence[Task[Result]], *, max_parallel: int, on_tick: Callable[[], None]
) -> list[Result]:
    """Run all `tasks`, at most `max_parallel` at a time, and return their results in the same order.

    `on_tick` is called ten times a second in the caller's thread. If it or a task raises an exception, the
    callbacks of the other tasks raise Cancelled. The exception is raised again after all tasks have ended.
    Raises RuntimeError if a thread cannot be started.
    """
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    def run_unless_stopped(task: Task[Result]) -> Result:
        check()  # the task may have waited for a free thread
        return task(check)

    with ThreadPoolExecutor(max_parallel) as pool:
        try:
            futures = [pool.submit(run_unless_stopped, task) for task in tasks]
            _wait(futures, on_tick)
        finally:
            stop.set()
    return [future.result() for future in futures]


def _wait(futures: Sequence["Future[Result]"], on_tick: Callable[[], None]) -> None:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, TICK_S, FIRST_EXCEPTION)
        for future in done:
            future.result()
        on_tick()

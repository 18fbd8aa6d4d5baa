"""Run tasks in parallel, usually one program each, and stop all of them when one fails."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from chromi.encoder.encoder_errors import Cancelled

TICK_S = 0.1

Task = Callable[[Callable[[], None]], None]
"""A task. Its argument is a function that it must call ten times a second."""


def run_parallel(work: Sequence[Task], *, at_once: int, on_tick: Callable[[], None]) -> None:
    """Run the tasks in `work`, at most `at_once` at a time, and return when all are done.

    `on_tick` is called ten times a second in the caller's thread. An exception from it or from a task stops
    the other tasks, by raising Cancelled in the function that they must call. It is re-raised after all tasks
    have ended.
    """
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    def run_task(task: Task) -> None:
        check()  # the tasks may have been stopped while this one was queued
        task(check)

    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(run_task, task) for task in work]
        try:
            _watch(futures, on_tick)
        finally:
            stop.set()


def _watch(futures: Sequence["Future[None]"], on_tick: Callable[[], None]) -> None:
    pending = set(futures)
    while pending:
        done, pending = wait(pending, TICK_S, FIRST_EXCEPTION)
        for future in done:
            future.result()
        on_tick()

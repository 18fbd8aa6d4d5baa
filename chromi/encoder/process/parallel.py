"""Do several pieces of work side by side, a program each, and end them all when one must end."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from chromi.encoder.encoder_errors import Cancelled

TICK_S = 0.1

Task = Callable[[Callable[[], None]], None]
"""Some work, given a function that it must call ten times a second."""


def run_parallel(work: Sequence[Task], *, at_once: int, on_tick: Callable[[], None]) -> None:
    """Call each piece of `work`, at most `at_once` at a time; return when all are done.

    What each must call raises Cancelled once the others should end. `on_tick` is called ten times a second in
    the caller's thread. What it or a piece raises ends the others, and is raised when nothing runs any more.
    """
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    def best_effort(piece: Task) -> None:
        check()  # it may have waited for its turn
        piece(check)

    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(best_effort, piece) for piece in work]
        try:
            _watch(futures, on_tick)
        finally:
            stop.set()


def _watch(futures: Sequence["Future[None]"], on_tick: Callable[[], None]) -> None:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, TICK_S, FIRST_EXCEPTION)
        for future in done:
            future.result()
        on_tick()

"""Wait for a condition, not for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, *, timeout_s: float = 30, every_s: float = 0.05) -> T:
    """Give the condition's first true value; fails the test when none comes in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        is_late = (
            time.monotonic() > deadline
        )  # once more after it, as this process may have had to wait itself
        value = condition()
        if value:
            return value
        assert not is_late, f"waited {timeout_s} s in vain for {what}"
        time.sleep(every_s)

"""Wait for a condition instead of a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], what: str, *, timeout_s: float = 30, interval_s: float | None = None
) -> T:
    """Return the condition's first true value, or fail the test if there is none within `timeout_s`.

    Without `interval_s`, the pauses grow with the time that has passed, up to a second.
    """
    start = time.monotonic()
    deadline = start + timeout_s
    while True:
        # Check the deadline before the condition, so that the condition is checked once more after it:
        # this process may have been suspended itself.
        is_late = time.monotonic() > deadline
        value = condition()
        if value:
            return value
        assert not is_late, f"waited {timeout_s} s in vain for {what}"
        time.sleep(interval_s or min(1.0, max(0.05, (time.monotonic() - start) / 20)))

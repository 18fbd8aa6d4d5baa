"""Compare this machine's clock with the database server's."""

from __future__ import annotations

import time

from chromi.db.connection import database
from chromi.errors import ServiceUnhealthy

MAX_CLOCK_DIFFERENCE_S = 10
"""A third of the time after which a silent worker counts as dead."""


def check_clock() -> None:
    """Raise ServiceUnhealthy if the clocks differ by more than MAX_CLOCK_DIFFERENCE_S.

    Machines compare each other's heartbeats and expiry times, so all clocks must agree with the server's.
    """
    asked_at = time.time()
    server_time = database.read_clock()
    ahead_s = (asked_at + time.time()) / 2 - server_time
    if abs(ahead_s) > MAX_CLOCK_DIFFERENCE_S:
        direction = "ahead of" if ahead_s > 0 else "behind"
        raise ServiceUnhealthy(
            f"This machine's clock is {abs(ahead_s):.0f} s {direction} the database server's. "
            "Synchronize both with NTP."
        )

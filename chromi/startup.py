"""Wait at start for servers that start at the same time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from chromi.errors import ServiceUnhealthy

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
"""How long to wait for a server that cannot be reached."""
SCHEMA_LOCK = 7_246_041
"""Key of PostgreSQL's advisory lock that a process holds while it creates tables. The number is arbitrary."""
FIRST_INTERVAL_S, MAX_INTERVAL_S = 0.5, 8.0


_TEMPORARY_REJECTIONS = (
    *("starting up", "shutting down", "recovery", "too many", "connection slots"),
    *("login has been failing", "no more connections allowed"),
)
"""Parts of messages while PostgreSQL restarts or has no connection left, and of PgBouncer's in that case."""


def is_postgres_rejection(error: Exception) -> bool:
    """Return whether PostgreSQL rejected the connection for good, for example because of a wrong password."""
    message = str(error)
    return "FATAL" in message and not any(part in message for part in _TEMPORARY_REJECTIONS)


def wait_until_available(
    connect: Callable[[], object],
    description: str,
    *,
    errors: tuple[type[Exception], ...],
    is_final: Callable[[Exception], bool],
    describe: Callable[[Exception], str] = str,
) -> None:
    """Call `connect` until it succeeds, with growing pauses while it raises one of `errors`.

    Raises ServiceUnhealthy after START_TIMEOUT_S, or at once for an error that is final. Its message contains
    what `describe` returns for the error.
    """
    deadline, interval_s = time.monotonic() + START_TIMEOUT_S, FIRST_INTERVAL_S
    while True:
        try:
            connect()
            return
        except errors as error:
            if is_final(error) or time.monotonic() + interval_s > deadline:
                raise ServiceUnhealthy(f"{description} cannot be used: {describe(error).strip()}") from error
        logger.warning("%s cannot be reached. Retrying in %.1f s.", description, interval_s)
        time.sleep(interval_s)
        interval_s = min(2 * interval_s, MAX_INTERVAL_S)

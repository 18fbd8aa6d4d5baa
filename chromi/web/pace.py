"""How long a connection may take: waitress itself counts silence only, and one byte ends a silence."""

from __future__ import annotations

from enum import Enum

HEADER_S = 20.0
"""Seconds for a request's first line and headers, from the connection or from their first byte on."""
PRESSED_S = 2.0
"""The same when few places are left, and for a connection that rests between two requests then."""
WINDOW_S = 60.0
WINDOW_BYTES = 60_000
"""Whoever sends or takes less than this within a window is cut off: 1 kB/s, or a tunnel of a minute."""


class Phase(Enum):
    """What a connection is waiting for."""

    HEADERS = "the client, to say what it wants"
    BODY = "the client, to send"
    ANSWER = "the client, to take the answer"
    WORK = "us"
    REST = "nothing"


class Pace:
    """Watches one connection; times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._phase = Phase.HEADERS
        self._since = now
        self._moved_bytes = 0

    def move(self, count_bytes: int) -> None:
        """Note that so many bytes came or went."""
        self._moved_bytes += count_bytes

    def is_too_slow(self, phase: Phase, now: float, *, is_pressed: bool) -> bool:
        """True when the connection should be cut. To be asked often, a second apart at most."""
        if phase is not self._phase:
            self._phase = phase
            self._begin_window(now)
        waited_s = now - self._since
        match phase:
            case Phase.HEADERS:
                return waited_s > (PRESSED_S if is_pressed else HEADER_S)
            case Phase.REST:
                return is_pressed and waited_s > PRESSED_S
            case Phase.BODY | Phase.ANSWER if waited_s > WINDOW_S:
                is_slow = self._moved_bytes < WINDOW_BYTES
                self._begin_window(now)
                return is_slow
        return False

    def _begin_window(self, now: float) -> None:
        self._since = now
        self._moved_bytes = 0

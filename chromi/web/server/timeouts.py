"""How long a connection may take: waitress itself counts silence only, and one byte ends a silence."""

from __future__ import annotations

from enum import Enum

HEADER_S = 20.0
"""Seconds for all of a request that is no upload (first line, headers, a small form), from the connection or
from its first byte on; for an upload's headers."""
PRESSED_S = 2.0
"""The same when few places are left, and for a connection that rests between two requests then."""
WINDOW_S = 60.0
WINDOW_BYTES = 60_000
"""Whoever sends or takes less than this within a window is cut off: 1 kB/s, or a tunnel of a minute."""
STEADY_BYTES_S = 20_000
"""Whoever sends or takes as much does not keep us waiting."""


class Phase(Enum):
    """What a connection is waiting for."""

    REQUEST = "the client, to say what it wants"
    UPLOAD = "the client, to send"
    ANSWER = "the client, to take the answer"
    WORK = "us"
    REST = "nothing"


class Pace:
    """Watches one connection; times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._begin_phase(Phase.REQUEST, now)

    def move(self, count_bytes: int) -> None:
        """Note that so many bytes came or went."""
        self._phase_bytes += count_bytes
        self._window_bytes += count_bytes

    def waited_s(self, now: float) -> float:
        """Seconds that the client has kept us waiting, less those in which a steady one moves as much."""
        if self._phase is Phase.WORK:
            return 0.0
        return now - self._phase_since - self._phase_bytes / STEADY_BYTES_S

    def is_too_slow(self, phase: Phase, now: float, *, is_pressed: bool) -> bool:
        """True when the connection should be cut. To be asked often, a second apart at most."""
        if phase is not self._phase:
            self._begin_phase(phase, now)
        waited_s = now - self._window_since
        match phase:
            case Phase.REQUEST:
                return waited_s > (PRESSED_S if is_pressed else HEADER_S)
            case Phase.REST:
                return is_pressed and waited_s > PRESSED_S
            case Phase.UPLOAD | Phase.ANSWER if waited_s > WINDOW_S:
                is_slow = self._window_bytes < WINDOW_BYTES
                self._begin_window(now)
                return is_slow
        return False

    def _begin_phase(self, phase: Phase, now: float) -> None:
        self._phase = phase
        self._phase_since = now
        self._phase_bytes = 0
        self._begin_window(now)

    def _begin_window(self, now: float) -> None:
        self._window_since = now
        self._window_bytes = 0

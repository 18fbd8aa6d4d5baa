"""Enforce timeouts and minimum throughput for connections. waitress itself only closes idle connections."""

from __future__ import annotations

from enum import Enum

REQUEST_TIMEOUT_S = 20.0
"""For receiving a request line, headers and a small form, or the headers of an upload."""
LOADED_TIMEOUT_S = 2.0
"""Replaces REQUEST_TIMEOUT_S and the idle timeout of keep-alive connections near the connection limit."""
WINDOW_S = 60.0
MIN_WINDOW_BYTES = 60_000
"""Uploads and responses must transfer this per window: 1 kB/s on average, with pauses up to a minute."""


class Phase(Enum):
    """What a connection is doing."""

    RECEIVING_REQUEST = "receiving a request"
    RECEIVING_UPLOAD = "receiving an upload"
    PROCESSING = "processing a request"
    SENDING = "sending a response"
    IDLE = "idle between requests"


class ConnectionTimer:
    """Decides whether a connection is too slow. Times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._phase = Phase.RECEIVING_REQUEST
        self._start_window(now)

    def count_bytes(self, count: int) -> None:
        """Record that bytes were received or sent."""
        self._window_bytes += count

    def is_too_slow(self, phase: Phase, now: float, *, is_loaded: bool) -> bool:
        """True if the connection should be closed. Call this at least once per second."""
        if phase is not self._phase:
            self._phase = phase
            self._start_window(now)
        elapsed_s = now - self._window_start
        match phase:
            case Phase.RECEIVING_REQUEST:
                return elapsed_s > (LOADED_TIMEOUT_S if is_loaded else REQUEST_TIMEOUT_S)
            case Phase.IDLE:
                return is_loaded and elapsed_s > LOADED_TIMEOUT_S
            case Phase.RECEIVING_UPLOAD | Phase.SENDING if elapsed_s > WINDOW_S:
                is_slow = self._window_bytes < MIN_WINDOW_BYTES
                self._start_window(now)
                return is_slow
        return False

    def _start_window(self, now: float) -> None:
        self._window_start = now
        self._window_bytes = 0

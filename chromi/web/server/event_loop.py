"""Run waitress's event loop until SIGTERM, and then answer the requests that have arrived.

waitress itself would be interrupted by an exception at an arbitrary point of its loop, and would close
connections that it has accepted without answering them.
"""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

from waitress import wasyncore
from waitress.server import TcpWSGIServer

from chromi.web.server.channel import Channel

STOP_TIMEOUT_S = 2.0
"""How long to wait for requests and responses that are being transferred. Downloads can be resumed."""
INTERVAL_S = 1.0
"""The longest pause between two checks of the connections' timeouts."""

Sockets = dict[int, Any]
"""waitress's map from descriptors to listening sockets, connections and triggers."""


class EventLoop:
    """Handles the events of these sockets. waitress has created the servers and adds the connections."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._servers = [each for each in sockets.values() if isinstance(each, TcpWSGIServer)]
        self._is_stopping = False
        signal.signal(signal.SIGTERM, self._stop)

    def run(self) -> None:
        """Return after SIGTERM once no client waits for a response, or after STOP_TIMEOUT_S."""
        while not self._is_stopping:
            self._handle_events(INTERVAL_S)
        for server in self._servers:
            server.accepting = False
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self._has_answered_all() and time.monotonic() < deadline:
            pass

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        self._servers[0].pull_trigger()  # ends the wait for events

    def _has_answered_all(self) -> bool:
        """Handle events, and return whether no client waited for a response before or after that.

        waitress does not read a connection's next request before it has answered the previous one.
        """
        is_any_unanswered = self._is_any_unanswered()
        self._handle_events(0.1 if is_any_unanswered else 0)
        return not is_any_unanswered and not self._is_any_unanswered()

    def _is_any_unanswered(self) -> bool:
        channels = [each for each in self._sockets.values() if isinstance(each, Channel)]
        return any(channel.is_unanswered for channel in channels)

    def _handle_events(self, timeout_s: float) -> None:
        wasyncore.loop(timeout_s, use_poll=True, map=self._sockets, count=1)

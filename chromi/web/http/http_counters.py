"""What has gone in and out since the web server's start, for /metrics."""

from __future__ import annotations

import threading
from collections import Counter


class HTTPCounters:
    """Requests by kind of answer, and bytes of bodies; several threads count at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        """By status: 2xx, 3xx, 4xx, 5xx."""
        self.received_bytes = 0
        self.sent_bytes = 0

    def count_request(self, status: int, received_bytes: int) -> None:
        with self._lock:
            self.requests[f"{status // 100}xx"] += 1
            self.received_bytes += received_bytes

    def count_sent(self, sent_bytes: int) -> None:
        with self._lock:
            self.sent_bytes += sent_bytes


http_counters = HTTPCounters()
"""Of this process: there is one web server."""

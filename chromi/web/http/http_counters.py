"""Count requests and transferred bytes since the web server started, for /metrics."""

from __future__ import annotations

import threading
from collections import Counter


class HTTPCounters:
    """Thread-safe counters for requests and body bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        """Keyed by status class: 2xx, 3xx, 4xx, 5xx."""
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
"""The counters of this process, which is the only web server process."""

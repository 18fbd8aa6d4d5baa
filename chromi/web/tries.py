"""How often somebody may try."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

MAX_ADDRESSES = 1000


class Tries:
    """Counts tries by address in this process' memory: `limit` of them in `window_s` seconds."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit, self._window_s = limit, window_s
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def begin(self, address: str) -> bool:
        """Take one of the tries, before what is tried is looked at; False when there is none left."""
        now = time.monotonic()
        with self._lock:
            since, count = self._counts.pop(address, (now, 0))
            if now - since > self._window_s:
                since, count = now, 0
            self._counts[address] = since, count + 1
            while len(self._counts) > MAX_ADDRESSES:
                self._counts.popitem(last=False)
        return count < self._limit

    def forget(self, address: str) -> None:
        """It was the right one."""
        with self._lock:
            self._counts.pop(address, None)

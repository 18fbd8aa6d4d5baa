"""Which thread does what: no request waits behind a row of slow ones, or behind those of one client."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from chromi.web.limits.upload_guard import Kind
from chromi.web.server.channel import Channel

THREADS = {Kind.UPLOAD: 2, Kind.COSTLY: 2, Kind.QUICK: 8}
"""Requests of each kind at once.

Uploads and downloads hold none while they trickle: waitress' event loop carries them. An upload is looked at
by ffmpeg for a fraction of a second, with 50 MB of memory.
"""


class RequestDispatcher:
    """Hands requests to threads as waitress' dispatcher does, each kind to threads of its own."""

    def __init__(self) -> None:
        self._lanes = {kind: FairThreadPool(threads) for kind, threads in THREADS.items()}

    def add_task(self, channel: Channel) -> None:
        self._lanes[channel.kind].add_task(channel)

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        for lane in self._lanes.values():
            lane.shutdown(*args, **kwargs)


class FairThreadPool(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Lets no client have more than half of the threads: the next one might come any moment.

    What it sends beyond that waits, and then takes its turn behind all who have come meanwhile.
    """

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._share = threads // 2
        self._rows: dict[str, _Row] = {}
        self._rows_lock = threading.Lock()
        self.set_thread_count(threads)

    def add_task(self, channel: Channel) -> None:
        with self._rows_lock:
            row = self._rows.setdefault(channel.client, _Row(channel.client))
            if row.turns == self._share:
                row.waiting.append(channel)
                return
            row.turns += 1
        super().add_task(_Turn(self, row, channel))

    def end_turn(self, row: _Row) -> None:
        """Give a turn that is over to whoever waits in the same row."""
        with self._rows_lock:
            if not row.waiting:
                row.turns -= 1
                if not row.turns:
                    del self._rows[row.client]
                return
            channel = row.waiting.popleft()
        super().add_task(_Turn(self, row, channel))


@dataclass
class _Row:
    """The requests of one client: how many have a thread or wait for one, and those that wait for a turn."""

    client: str
    turns: int = 0
    waiting: deque[Channel] = field(default_factory=deque)


@dataclass
class _Turn:
    """What waitress' dispatcher takes for a task."""

    lane: FairThreadPool
    row: _Row
    channel: Channel

    def service(self) -> None:
        try:
            self.channel.service()
        finally:
            self.lane.end_turn(self.row)

    def cancel(self) -> None:
        self.channel.cancel()

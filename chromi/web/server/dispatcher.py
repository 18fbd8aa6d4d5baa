"""Assign requests to thread pools, so that no request waits for slow requests of another kind or client."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from chromi.web.limits.upload_guard import RequestKind
from chromi.web.server.channel import Channel

THREADS = {RequestKind.UPLOAD: 2, RequestKind.EXPENSIVE: 2, RequestKind.QUICK: 8}
"""Maximum concurrent requests of each kind.

Transferring an upload or download does not occupy a thread: waitress's event loop does it. ffmpeg probes an
upload in a fraction of a second, using 50 MB of memory.
"""


class RequestDispatcher:
    """Implements the interface of waitress's dispatcher with one thread pool for each kind of request."""

    def __init__(self) -> None:
        self._pools = {kind: FairThreadPool(threads) for kind, threads in THREADS.items()}

    def add_task(self, channel: Channel) -> None:
        self._pools[channel.request_kind].add_task(channel)

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        for pool in self._pools.values():
            pool.shutdown(*args, **kwargs)


class FairThreadPool(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Gives each client at most half of the threads; its further requests wait in their own queue."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._max_active = threads // 2
        self._clients: dict[str, _ClientQueue] = {}
        self._clients_lock = threading.Lock()
        self.set_thread_count(threads)

    def add_task(self, channel: Channel) -> None:
        with self._clients_lock:
            queue = self._clients.setdefault(channel.client, _ClientQueue(channel.client))
            if queue.active == self._max_active:
                queue.waiting.append(channel)
                return
            queue.active += 1
        super().add_task(_Task(self, queue, channel))

    def finish(self, queue: _ClientQueue) -> None:
        """Start the client's next waiting request, behind those sent by other clients in the meantime."""
        with self._clients_lock:
            if not queue.waiting:
                queue.active -= 1
                if not queue.active:
                    del self._clients[queue.client]
                return
            channel = queue.waiting.popleft()
        super().add_task(_Task(self, queue, channel))


@dataclass
class _ClientQueue:
    """One client's requests: how many have or await a thread, and those that wait for earlier ones."""

    client: str
    active: int = 0
    waiting: deque[Channel] = field(default_factory=deque)


@dataclass
class _Task:
    """What waitress's dispatcher runs."""

    pool: FairThreadPool
    queue: _ClientQueue
    channel: Channel

    def service(self) -> None:
        try:
            self.channel.service()
        finally:
            self.pool.finish(self.queue)

    def cancel(self) -> None:
        self.channel.cancel()

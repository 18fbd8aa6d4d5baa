"""Huey's storage: all queues of the service in one engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from huey.storage import BaseStorage, BlackHoleStorage

from chromi.config import QUEUES, Settings
from chromi.jobs.queue_engines import open_engine

SCHEDULER_QUEUE = "scheduler"
"""Holds the periodic tasks, which run before waiting jobs."""


class QueueUnavailable(Exception):
    """The engine cannot be reached or cannot write. The jobs' rows are unaffected."""


class QueueStorage(BlackHoleStorage):  # type: ignore[misc]  # Huey ships no types
    """All queues of the service. Messages are taken only from the queues that this process serves.

    The methods raise QueueUnavailable. As in the base class, nothing is scheduled and no results are stored.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name)
        engine = open_engine(settings)
        self._errors, self._check = engine.errors, engine.check
        names = (SCHEDULER_QUEUE, *QUEUES)
        storages = {queue: engine.create_storage(f"{name}_{queue}") for queue in names}
        self._queues: Mapping[str, BaseStorage] = storages
        self._served = (SCHEDULER_QUEUE, *settings.queues) if settings.runs_scheduler else settings.queues

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Add the message of a periodic task."""
        self.enqueue_to(SCHEDULER_QUEUE, data)

    def enqueue_to(self, queue: str, data: bytes) -> None:
        self._call(self._queues[queue].enqueue, data)

    def dequeue(self) -> bytes | None:
        for queue in self._served:
            if (data := self._call(self._queues[queue].dequeue)) is not None:
                return bytes(data)
        return None

    def size_of(self, queue: str) -> int:
        return int(self._call(self._queues[queue].queue_size))

    def check(self) -> None:
        """Raise ServiceUnhealthy if the engine may lose messages."""
        self._call(self._check)

    def close(self) -> None:
        for queue in self._queues.values():
            queue.close()

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return method(*arguments)
        except self._errors as error:
            raise QueueUnavailable(f"The queue is unavailable: {error}.") from error

"""The engines that hold the queues' messages: SQLite, Redis and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from huey.storage import BaseStorage, BlackHoleStorage, SqliteStorage

from chromi.config import QUEUES, Settings

SCHEDULER_QUEUE = "scheduler"
"""Holds the periodic tasks, which run before waiting jobs."""

Engine = tuple[Callable[[str], BaseStorage], tuple[type[Exception], ...]]
"""Creates the storage of the named queue, and the exceptions that it raises if it is unavailable."""


class QueueUnavailable(Exception):
    """The engine cannot be reached or cannot write. The jobs' rows are unaffected."""


class QueueStorage(BlackHoleStorage):  # type: ignore[misc]  # Huey ships no types
    """All queues of the service. Messages are taken only from the queues that this process serves.

    The methods raise QueueUnavailable. As in the base class, nothing is scheduled and no results are stored.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name)
        create, self._errors = _engine(settings)
        names = (SCHEDULER_QUEUE, *QUEUES)
        self._queues: Mapping[str, BaseStorage] = {queue: create(f"{name}_{queue}") for queue in names}
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

    def close(self) -> None:
        for queue in self._queues.values():
            queue.close()

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return method(*arguments)
        except self._errors as error:
            raise QueueUnavailable(f"The queue is unavailable: {error}.") from error


def _engine(settings: Settings) -> Engine:
    path = settings.instance / "queue.db"
    # A message is on disk when enqueue() returns.
    return lambda name: SqliteStorage(name, str(path), fsync=True), (sqlite3.OperationalError,)

"""What lies in the queue: JSON that names a task of ours and a job, and nothing that could be code.

Huey's own messages are pickles. Whoever can write to the queue's file, such as a converter that was taken
over where the kernel has no Landlock, would run code in the worker with one.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import Any

from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

logger = logging.getLogger(__name__)

CONVERT, CLEANUP = "convert", "cleanup"
ARGUMENTS = {f"chromi.jobs.queue.{CONVERT}": 1, f"chromi.jobs.queue.{CLEANUP}": 0}
"""The tasks by the names that Huey gives them, and how many ids of jobs each takes."""

MAX_BYTES = 500
_ID = re.compile(r"[0-9a-f-]{32,36}")


class BadMessage(ValueError):
    """A message that no task of ours needs."""


class JsonSerializer(Serializer):  # type: ignore[misc]  # Huey ships no types
    """Write and read messages. Raises BadMessage."""

    def _serialize(self, message: Message) -> bytes:
        unused = (message.eta, message.kwargs, message.retries, message.timeout, message.chord_config)
        if any((*unused, message.on_complete, message.on_error)):
            raise BadMessage(f"{message.name} has more than a name, arguments and an end")
        expires = message.expires_resolved and message.expires_resolved.isoformat()
        content = {"id": message.id, "task": message.name, "job_ids": list(message.args), "expires": expires}
        return json.dumps(content).encode()

    def _deserialize(self, data: bytes) -> Message:
        try:
            if len(data) > MAX_BYTES:
                raise ValueError(f"{len(data)} bytes")
            return _read(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise BadMessage(str(error)) from error


def _read(*, id: Any, task: Any, job_ids: Any, expires: Any) -> Message:  # noqa: A002  as Huey calls it
    """Make a message of the fields of one. Raises ValueError and TypeError."""
    if ARGUMENTS.get(task) != len(job_ids):
        raise ValueError("no task of ours, or another number of arguments")
    for each in (id, *job_ids):
        if not _ID.fullmatch(each):
            raise ValueError("not an id")
    ends_at = None if expires is None else datetime.fromisoformat(expires)
    if ends_at and ends_at.tzinfo:
        raise ValueError("Huey's times are UTC and do not say so")
    return Message(id=id, name=task, args=tuple(job_ids), expires_resolved=ends_at)


class JobQueue(SqliteHuey):  # type: ignore[misc]  # Huey ships no types
    """Huey with JSON messages; one that cannot be read is dropped, and the next is taken."""

    def __init__(self, **options: Any) -> None:
        super().__init__("chromi", serializer=JsonSerializer(), **options)

    def dequeue(self) -> Any:
        while (data := self.storage.dequeue()) is not None:
            try:
                return self.deserialize_task(data)
            except BadMessage as error:
                logger.warning("a message in the queue was dropped: %s", error)
        return None

    def _deserialize_all(self, messages: list[bytes]) -> list[Any]:
        """Skip what `dequeue` will drop: it says so once."""
        tasks = []
        for data in messages:
            try:
                tasks.append(self.deserialize_task(data))
            except BadMessage:
                continue
        return tasks

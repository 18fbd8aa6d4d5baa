"""Serialize queue messages as JSON, which names one of our tasks and its jobs and cannot contain code.

Huey's default format is pickle. Anyone who can write to the queue file, such as a compromised converter on a
kernel without Landlock, could use it to run code in the worker.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from typing import Any

from huey import SqliteHuey
from huey.registry import Message as HueyMessage
from huey.serializer import Serializer

logger = logging.getLogger(__name__)

RUN_JOB, CLEANUP = "run_job", "cleanup"
ARGUMENT_COUNTS = {f"chromi.jobs.queue.{RUN_JOB}": 1, f"chromi.jobs.queue.{CLEANUP}": 0}
"""The tasks, by the names that Huey gives them, and the number of job ids that each takes."""

MAX_BYTES = 500
_ID = re.compile(r"[0-9a-f-]{32,36}")


class InvalidMessage(ValueError):
    """A message that none of our tasks produce."""


class JsonSerializer(Serializer):  # type: ignore[misc]  # Huey ships no types
    """Serialize task messages as JSON. Raises InvalidMessage."""

    def _serialize(self, message: HueyMessage) -> bytes:
        unused = (message.eta, message.kwargs, message.retries, message.timeout, message.chord_config)
        if any((*unused, message.on_complete, message.on_error)):
            raise InvalidMessage(f"{message.name} has more than a name, arguments and an expiry")
        expires = message.expires_resolved and message.expires_resolved.isoformat()
        content = {"id": message.id, "task": message.name, "job_ids": list(message.args), "expires": expires}
        return json.dumps(content).encode()

    def _deserialize(self, data: bytes) -> HueyMessage:
        try:
            if len(data) > MAX_BYTES:
                raise ValueError(f"{len(data)} bytes")
            return _parse(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise InvalidMessage(str(error)) from error


def _parse(*, id: Any, task: Any, job_ids: Any, expires: Any) -> HueyMessage:  # noqa: A002  Huey's name
    """Validate the fields of a message. Raises ValueError and TypeError."""
    if ARGUMENT_COUNTS.get(task) != len(job_ids):
        raise ValueError("unknown task or wrong number of arguments")
    for each in (id, *job_ids):
        if not _ID.fullmatch(each):
            raise ValueError("invalid id")
    expires_at = None if expires is None else datetime.fromisoformat(expires)
    if expires_at and expires_at.tzinfo:
        raise ValueError("the expiry has a time zone, but Huey's are naive UTC")
    return HueyMessage(id=id, name=task, args=tuple(job_ids), expires_resolved=expires_at)


class JsonHuey(SqliteHuey):  # type: ignore[misc]  # Huey ships no types
    """Huey with JSON messages. Invalid messages are dropped with a warning."""

    def __init__(self, **options: Any) -> None:
        super().__init__("chromi", serializer=JsonSerializer(), **options)

    def dequeue(self) -> Any:
        while (data := self.storage.dequeue()) is not None:
            try:
                return self.deserialize_task(data)
            except InvalidMessage as error:
                logger.warning("dropped an invalid message from the queue: %s", error)
        return None

    def _deserialize_all(self, messages: list[bytes]) -> list[Any]:
        """Deserialize messages, skipping those that `dequeue` will drop with a warning."""
        tasks = []
        for data in messages:
            try:
                tasks.append(self.deserialize_task(data))
            except InvalidMessage:
                continue
        return tasks

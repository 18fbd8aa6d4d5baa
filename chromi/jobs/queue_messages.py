"""Serialize queue messages as JSON, which names one of our tasks and cannot contain code.

Huey's default format is pickle. Anyone who can write to the queue, such as a compromised converter on a
kernel without Landlock, could use it to run code in the worker.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from huey.registry import Message as HueyMessage
from huey.serializer import Serializer

RUN_JOB, CLEANUP = "run_job", "cleanup"
TASKS = {f"chromi.jobs.queue.{name}" for name in (RUN_JOB, CLEANUP)}
"""The tasks, by the names that Huey gives them. None takes arguments."""

MAX_BYTES = 200
_ID = re.compile(r"[0-9a-f-]{32,36}")


class InvalidMessage(ValueError):
    """A message that none of our tasks produce."""


class JsonSerializer(Serializer):  # type: ignore[misc]  # Huey ships no types
    """Serialize task messages as JSON. Raises InvalidMessage."""

    def _serialize(self, message: HueyMessage) -> bytes:
        unused = (message.args, message.kwargs, message.eta, message.retries, message.timeout)
        if any((*unused, message.chord_config, message.on_complete, message.on_error)):
            raise InvalidMessage(f"{message.name} has more than a name and an expiry")
        expires = message.expires_resolved and message.expires_resolved.isoformat()
        return json.dumps({"id": message.id, "task": message.name, "expires": expires}).encode()

    def _deserialize(self, data: bytes) -> HueyMessage:
        try:
            if len(data) > MAX_BYTES:
                raise ValueError(f"{len(data)} bytes")
            return _parse(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise InvalidMessage(str(error)) from error


def _parse(*, id: Any, task: Any, expires: Any) -> HueyMessage:  # noqa: A002  Huey's name
    """Validate the fields of a message. Raises ValueError and TypeError."""
    if task not in TASKS:
        raise ValueError("unknown task")
    if not _ID.fullmatch(id):
        raise ValueError("invalid id")
    expires_at = None if expires is None else datetime.fromisoformat(expires)
    if expires_at and expires_at.tzinfo:
        raise ValueError("the expiry has a time zone, but Huey's are naive UTC")
    return HueyMessage(id=id, name=task, expires_resolved=expires_at)

"""Tasks as JSON: whoever can write into the queue can have jobs done, but run no code of their own."""

from __future__ import annotations

import json
from datetime import datetime

from huey.registry import Message
from huey.serializer import Serializer

_TIMES = ("eta", "expires_resolved")
_UNUSED = ("on_complete", "on_error", "chord_config")


class InvalidMessage(ValueError):
    """What lies in the queue is no task of ours."""


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Writes and reads Huey's messages, whose pickles would run whatever they say."""

    def _serialize(self, data: Message) -> bytes:
        """Raises TypeError and ValueError for what our tasks never have."""
        fields = data._asdict()
        for name in _TIMES:
            fields[name] = fields[name] and fields[name].isoformat()
        if any(fields.pop(name) is not None for name in _UNUSED):
            raise ValueError("a task's message holds another task")
        return json.dumps(fields).encode()

    def _deserialize(self, data: bytes) -> Message:
        """Raises InvalidMessage for anything that `_serialize` does not write."""
        try:
            fields = dict(json.loads(bytes(data)))
            for name in _TIMES:
                fields[name] = fields[name] and datetime.fromisoformat(fields[name])
            fields["args"] = tuple(fields["args"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidMessage(f"a message in the queue is no task: {error!r}") from error
        if fields.keys() != set(Message._fields) - set(_UNUSED):
            raise InvalidMessage(f"a message in the queue has other fields: {sorted(fields)}")
        return Message(**fields)

"""Tasks as JSON: whoever can write into the queue can have jobs done, but run no code of his own."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from huey.registry import Message
from huey.serializer import Serializer

_TIMES = ("eta", "expires_resolved")
_UNUSED = ("on_complete", "on_error", "chord_config")


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
        """Raises ValueError for anything that `_serialize` does not write."""
        fields: dict[str, Any] = json.loads(bytes(data))
        if not isinstance(fields, dict) or fields.keys() != set(Message._fields) - set(_UNUSED):
            raise ValueError("this is no message of a task")
        for name in _TIMES:
            fields[name] = fields[name] and datetime.fromisoformat(fields[name])
        fields["args"] = tuple(fields["args"])
        return Message(**fields)

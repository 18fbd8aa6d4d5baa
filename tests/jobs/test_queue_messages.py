"""The queue accepts only JSON messages for our own tasks."""

import json
import pickle

import pytest
from huey.registry import Message

from chromi.jobs.queue import Queue
from chromi.jobs.queue_messages import InvalidMessage, JsonSerializer

ID = "0" * 32
TASK = "chromi.jobs.queue.run_job"
VALID = {"id": ID, "task": TASK, "expires": None}
INVALID = {
    "pickle": pickle.dumps(Message(id=ID, name=TASK)),
    "not JSON": b"{",
    "not an object": b"[]",
    "deeply nested": b"[" * 400,
    "too long": json.dumps(VALID | {"expires": "0" * 200}).encode(),
    "missing fields": b"{}",
    "unknown field": json.dumps(VALID | {"kwargs": {}}).encode(),
    "unknown task": json.dumps(VALID | {"task": "os.system"}).encode(),
    "task is a list": json.dumps(VALID | {"task": [TASK]}).encode(),
    "invalid id": json.dumps(VALID | {"id": "../secret_key"}).encode(),
    "id is a number": json.dumps(VALID | {"id": 1}).encode(),
    "invalid expiry": json.dumps(VALID | {"expires": "later"}).encode(),
    "expiry with time zone": json.dumps(VALID | {"expires": "2026-01-01T00:00:00+01:00"}).encode(),
}


def test_invalid_messages_are_dropped_with_a_warning(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    for data in (*INVALID.values(), json.dumps(VALID).encode()):
        queue.huey.storage.enqueue_to("convert", data)
    assert caplog.records == []
    assert queue.huey.dequeue().id == ID
    warning = "dropped an invalid message"
    assert [record.getMessage()[: len(warning)] for record in caplog.records] == [warning] * len(INVALID)
    assert (queue.huey.dequeue(), queue.size()) == (None, 0)


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID)
def test_invalid_message_is_rejected(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        JsonSerializer().deserialize(data)


def test_message_with_unsupported_fields_is_not_serialized() -> None:
    with pytest.raises(InvalidMessage):
        JsonSerializer().serialize(Message(id=ID, name=TASK, kwargs={"a": 1}))

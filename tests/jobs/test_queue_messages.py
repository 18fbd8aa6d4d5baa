"""The queue accepts only JSON messages for our own tasks."""

import json
import pickle
from collections.abc import Iterator

import pytest
from huey.registry import Message

from chromi.config import Settings
from chromi.db import database
from chromi.jobs.queue import Queue, open_service
from chromi.jobs.queue_messages import InvalidMessage, JsonSerializer

ID = "0" * 32
TASK = "chromi.jobs.queue.run_job"
VALID = {"id": ID, "task": TASK, "job_ids": [ID], "expires": None}
INVALID = {
    "pickle": pickle.dumps(Message(id=ID, name=TASK, args=(ID,))),
    "not JSON": b"{",
    "not an object": b"[]",
    "deeply nested": b"[" * 400,
    "too long": json.dumps(VALID | {"expires": "0" * 500}).encode(),
    "missing fields": b"{}",
    "unknown field": json.dumps(VALID | {"kwargs": {}}).encode(),
    "unknown task": json.dumps(VALID | {"task": "os.system"}).encode(),
    "task is a list": json.dumps(VALID | {"task": [TASK]}).encode(),
    "missing job id": json.dumps(VALID | {"job_ids": []}).encode(),
    "extra job id": json.dumps(VALID | {"task": "chromi.jobs.queue.cleanup"}).encode(),
    "invalid job id": json.dumps(VALID | {"job_ids": ["../secret_key"]}).encode(),
    "job id is a number": json.dumps(VALID | {"job_ids": [1]}).encode(),
    "invalid expiry": json.dumps(VALID | {"expires": "later"}).encode(),
    "expiry with time zone": json.dumps(VALID | {"expires": "2026-01-01T00:00:00+01:00"}).encode(),
}


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    _, queue = open_service(settings)
    with database.connection_context():
        yield queue


def test_invalid_messages_are_dropped_with_a_warning(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    for data in (*INVALID.values(), json.dumps(VALID).encode()):
        queue.huey.storage.enqueue(data)
    assert queue.waiting_ids() == {ID}
    assert caplog.records == []
    assert queue.huey.dequeue().args == (ID,)
    warning = "dropped an invalid message"
    assert [record.getMessage()[: len(warning)] for record in caplog.records] == [warning] * len(INVALID)
    assert (queue.huey.dequeue(), queue.size()) == (None, 0)


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID)
def test_invalid_message_is_rejected(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        JsonSerializer().deserialize(data)


def test_message_with_unsupported_fields_is_not_serialized() -> None:
    with pytest.raises(InvalidMessage):
        JsonSerializer().serialize(Message(id=ID, name=TASK, args=(ID,), kwargs={"a": 1}))

"""The queue is worked through in the order that people are told, and takes no message but ours."""

import json
import pickle
import time
from collections.abc import Iterator

import pytest
from huey.registry import Message

from chromi.config import Settings
from chromi.db import LEASE_S, Job, State, database
from chromi.jobs import cleanup
from chromi.jobs.queue import Queue, open_service, recover
from chromi.jobs.serializer import BadMessage, JsonSerializer
from chromi.storage import Storage


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    _, queue = open_service(settings)
    with database.connection_context():
        yield queue


def test_the_highest_priority_goes_first_and_of_these_the_oldest(queue: Queue) -> None:
    jobs = [Job.create(priority=priority, options_json={}) for priority in (-1000, 0, -1000, -1, 0)]
    for job in jobs:
        queue.enqueue(job.id)
    order = [jobs[place] for place in (1, 4, 3, 0, 2)]
    assert [queue.huey.dequeue().args[0] for _ in jobs] == [job.id for job in order]
    assert [job.queue_position for job in order] == [0, 1, 2, 3, 4], "as they are told"


def test_a_job_that_is_gone_is_not_enqueued(queue: Queue) -> None:
    queue.enqueue("0" * 32)
    assert queue.size() == 0


def test_a_lost_lease_is_found_by_any_workers_heartbeat(
    queue: Queue, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanup, "RECHECK_DELAY_S", 0)
    silent, alive = (
        Job.create(options_json={}, state=State.IN_PROGRESS, attempts=1, heartbeat_at=time.time() - age_s)
        for age_s in (LEASE_S + 1, LEASE_S - 5)
    )
    recover(storage, queue)
    assert [Job.find(job.id).state for job in (silent, alive)] == [State.QUEUED, State.IN_PROGRESS]
    assert queue.waiting_ids() == {silent.id}
    recover(storage, queue)
    assert queue.size() == 1


ID = "0" * 32
CONVERT = {"id": ID, "task": "chromi.jobs.queue.convert", "job_ids": [ID], "expires": None}
BAD = {
    "a pickle": pickle.dumps(Message(id=ID, name="chromi.jobs.queue.convert", args=(ID,))),
    "no JSON": b"{",
    "no object": b"[]",
    "deep": b"[" * 400,
    "long": json.dumps(CONVERT | {"expires": "0" * 500}).encode(),
    "fields missing": b"{}",
    "a field too many": json.dumps(CONVERT | {"kwargs": {}}).encode(),
    "another's task": json.dumps(CONVERT | {"task": "os.system"}).encode(),
    "no name": json.dumps(CONVERT | {"task": ["chromi.jobs.queue.convert"]}).encode(),
    "no job": json.dumps(CONVERT | {"job_ids": []}).encode(),
    "a job too many": json.dumps(CONVERT | {"task": "chromi.jobs.queue.cleanup"}).encode(),
    "no id of a job": json.dumps(CONVERT | {"job_ids": ["../secret_key"]}).encode(),
    "a number": json.dumps(CONVERT | {"job_ids": [1]}).encode(),
    "no time": json.dumps(CONVERT | {"expires": "later"}).encode(),
    "another zone's time": json.dumps(CONVERT | {"expires": "2026-01-01T00:00:00+01:00"}).encode(),
}


def test_what_is_no_message_of_ours_is_dropped_with_a_line_in_the_log(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    for data in (*BAD.values(), json.dumps(CONVERT).encode()):
        queue.huey.storage.enqueue(data)
    assert queue.waiting_ids() == {ID}
    assert caplog.records == []
    assert queue.huey.dequeue().args == (ID,)
    assert [record.getMessage()[:35] for record in caplog.records] == (
        ["a message in the queue was dropped:"] * len(BAD)
    )
    assert (queue.huey.dequeue(), queue.size()) == (None, 0)


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_each_of_these_is_refused(data: bytes) -> None:
    with pytest.raises(BadMessage):
        JsonSerializer().deserialize(data)


def test_a_message_that_needs_more_is_not_written() -> None:
    with pytest.raises(BadMessage):
        JsonSerializer().serialize(
            Message(id=ID, name="chromi.jobs.queue.convert", args=(ID,), kwargs={"a": 1})
        )


def test_cleanup_task_keeps_its_expiry(queue: Queue) -> None:
    [cleanup_task] = [task for task in queue.huey._registry.periodic_tasks if task.name == "cleanup"]
    queue.huey.enqueue(cleanup)
    assert queue.huey.dequeue().expires_resolved == cleanup.expires_resolved

"""The queue is worked through in the order that people are told."""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.encoder.sandbox import Sandbox
from chromi.errors import Unwell
from chromi.models import Job, database
from chromi.task_messages import InvalidMessage
from chromi.tasks import Queue, open_service


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    _, queue = open_service(settings)
    with database.connection_context():
        yield queue


def test_the_highest_priority_goes_first_and_of_these_the_oldest(queue: Queue) -> None:
    jobs = [Job.create(priority=priority, recipe_json={}) for priority in (-1000, 0, -1000, -1, 0)]
    for job in jobs:
        queue.enqueue(job.id)
    order = [jobs[place] for place in (1, 4, 3, 0, 2)]
    assert [queue.huey.dequeue().args[0] for _ in jobs] == [job.id for job in order]
    assert [job.queue_position for job in order] == [0, 1, 2, 3, 4], "as they are told"


def test_a_job_that_is_gone_is_not_enqueued(queue: Queue) -> None:
    queue.enqueue("0" * 32)
    assert queue.size() == 0


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "message",
    [b"", b"\xff\xfe", b"[]", b"null", b'{"name": "convert"}', b'{"name": "convert", "args": ["a"], "x": 1}'],
)
def test_what_is_no_message_is_dropped(queue: Queue, message: bytes) -> None:
    job = Job.create(recipe_json={})
    queue.huey.storage.enqueue(message, 1)
    queue.enqueue(job.id)
    assert queue.waiting_ids() == {job.id}
    with pytest.raises(InvalidMessage):
        queue.huey.dequeue()
    assert queue.huey.dequeue().args == (job.id,)


def test_a_pickle_in_the_queue_runs_nothing(queue: Queue, tmp_path: Path) -> None:
    made = tmp_path / "made"
    queue.huey.storage.enqueue(pickle.dumps(Touch(made)), 1)
    assert queue.waiting_ids() == set()
    with pytest.raises(InvalidMessage):
        queue.huey.dequeue()
    assert not made.exists()


def test_a_task_survives_its_message(queue: Queue) -> None:
    """With all that our tasks have: a priority, and the sweep's end of use."""
    job = Job.create(recipe_json={}, priority=-3)
    queue.enqueue(job.id)
    sent = queue.huey.dequeue()
    assert (sent.name, sent.args, sent.priority) == ("convert", (job.id,), -3)
    (sweep,) = [task for task in queue.huey._registry.periodic_tasks if task.name == "sweep"]
    queue.huey.enqueue(sweep)
    assert queue.huey.dequeue().expires_resolved == sweep.expires_resolved


def test_the_service_does_not_start_with_a_weaker_sandbox_than_required(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    required = replace(settings, require_sandbox=True)
    monkeypatch.setattr("chromi.encoder.doctor.strongest", lambda: Sandbox(0, b"filter"))
    with pytest.raises(Unwell, match="partial .seccomp alone."):
        open_service(required)
    monkeypatch.setattr("chromi.encoder.doctor.strongest", lambda: Sandbox(7, b"filter"))
    open_service(required)

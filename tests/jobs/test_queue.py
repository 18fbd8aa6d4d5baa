"""The queue runs jobs in the order of the queue positions that their pages show."""

from collections.abc import Iterator

import pytest

from chromi.config import Settings
from chromi.db import Job, database
from chromi.jobs.queue import Queue, open_service


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    _, queue = open_service(settings)
    with database.connection_context():
        yield queue


def test_highest_priority_runs_first_and_the_oldest_among_equals(queue: Queue) -> None:
    jobs = [Job.create(priority=priority, options_json={}) for priority in (-1000, 0, -1000, -1, 0)]
    for job in jobs:
        queue.enqueue(job.id)
    expected = [jobs[index] for index in (1, 4, 3, 0, 2)]
    assert [queue.huey.dequeue().args[0] for _ in jobs] == [job.id for job in expected]
    assert [job.queue_position for job in expected] == [0, 1, 2, 3, 4]


def test_deleted_job_is_not_enqueued(queue: Queue) -> None:
    queue.enqueue("0" * 32)
    assert queue.size() == 0


def test_cleanup_task_keeps_its_expiry(queue: Queue) -> None:
    [task] = [task for task in queue.huey._registry.periodic_tasks if task.name == "cleanup"]
    queue.huey.enqueue(task)
    assert queue.huey.dequeue().expires_resolved == task.expires_resolved

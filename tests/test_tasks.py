"""The queue is worked through in the order that people are told."""

from collections.abc import Iterator

import pytest

from chromi.config import Settings
from chromi.models import Job, database
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

"""The queue's order: who waits for a background goes before what a studio has made unasked."""

from collections.abc import Iterator

import pytest

from chromi.config import Settings
from chromi.models import Job, JobKind, database
from chromi.tasks import Queue, open_service


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    _, queue = open_service(settings)
    with database.connection_context():
        yield queue


def make_job(kind: JobKind) -> Job:
    return Job.create(kind=kind, recipe_json={})


def test_estimates_wait_for_all_that_was_asked_for(queue: Queue) -> None:
    kinds = (JobKind.ESTIMATE, JobKind.CONVERT, JobKind.ESTIMATE, JobKind.LOOPS, JobKind.PREVIEW)
    jobs = [make_job(kind) for kind in kinds]
    for job in jobs:
        queue.enqueue(job.id)
    first_estimate, convert, second_estimate, loops, preview = jobs
    order = [convert, loops, preview, first_estimate, second_estimate]
    assert [queue.huey.dequeue().args[0] for _ in jobs] == [job.id for job in order]
    assert [job.queue_position for job in order] == [0, 1, 2, 3, 4], "as they are told"


def test_a_job_that_is_gone_is_not_enqueued(queue: Queue) -> None:
    queue.enqueue("0" * 32)
    assert queue.size() == 0

"""After SIGTERM, a consumer finishes its job within the grace period or requeues it."""

import pytest

from chromi.db import Job, State
from tests.faults.conftest import ON_EACH_ENGINE, StartConsumer
from tests.support.consumers import terminate_consumer
from tests.support.open_instance import OpenInstance
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


def test_sigterm_lets_job_finish_within_grace_period(
    instance: OpenInstance, start_consumer: StartConsumer
) -> None:
    consumer = start_consumer("wait_for_file")
    job_id = instance.queue_job()
    waiting_id = instance.queue_job()
    wait_for(instance.list_runs, "the job to start")
    terminate_consumer(consumer)
    heartbeat_at = Job.find(job_id).heartbeat_at
    wait_for(lambda: Job.find(job_id).heartbeat_at > heartbeat_at, "another heartbeat")
    (instance.folder / "finish").touch()
    assert consumer.wait(20) == 0
    assert [Job.find(each).state for each in (job_id, waiting_id)] == [State.SUCCESS, State.QUEUED]
    assert instance.queue.sizes()["convert"] == 1


@ON_EACH_ENGINE
def test_job_is_requeued_after_grace_period(instance: OpenInstance, start_consumer: StartConsumer) -> None:
    consumer = start_consumer("wait_for_file", grace_s=1)
    job_id = instance.queue_job()
    wait_for(instance.list_runs, "the job to start")
    terminate_consumer(consumer)
    consumer.wait(20)
    job = Job.find(job_id)
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert instance.queue.sizes()["convert"] == 1
    assert instance.list_temporary_files() == []
    start_consumer("finish_at_once")
    assert instance.wait_for_end(job_id).attempts == 1

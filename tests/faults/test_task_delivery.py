"""Each job runs once, even if its tasks are missing, duplicated or invalid, or if the clock changes."""

import pickle
from collections import Counter
from pathlib import Path

import pytest

from chromi.db import Job, Link, State
from chromi.jobs import recovery
from tests.faults.conftest import ON_EACH_ENGINE, StartConsumer
from tests.support.consumers import terminate_consumer
from tests.support.open_instance import OpenInstance
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


def test_clock_change_does_not_take_jobs_from_their_workers(
    instance: OpenInstance, start_consumer: StartConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For one worker, the clock is set back by an hour, and for the other one forward by a day."""
    monkeypatch.setattr(recovery, "RECHECK_DELAY_S", 6)  # the workers may have to wait for the database, too
    start_consumer("wait_for_file", workers=2)
    jumps_s = {instance.queue_job(): -3600, instance.queue_job(): 86_400}
    wait_for(lambda: len(instance.list_runs()) == 2, "both jobs to start")
    for job_id, jump_s in jumps_s.items():
        Job.update(heartbeat_at=Job.heartbeat_at - jump_s).where(Job.id == job_id).execute()
    instance.clean_up()
    (instance.folder / "finish").touch()
    jobs = [instance.wait_for_end(job_id) for job_id in jumps_s]
    assert [(job.state, job.attempts) for job in jobs] == [(State.SUCCESS, 1)] * 2
    assert len(instance.list_runs()) == 2


@ON_EACH_ENGINE
def test_job_without_task_is_enqueued_at_start(instance: OpenInstance, start_consumer: StartConsumer) -> None:
    """The process that created it died between committing the row and enqueuing the task."""
    job_id = instance.queue_job(task_count=0)
    start_consumer("finish_at_once")
    assert instance.wait_for_end(job_id).state == State.SUCCESS


class CreatesFile:
    """An object whose pickle creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@ON_EACH_ENGINE
def test_pickle_in_queue_runs_no_code(instance: OpenInstance, start_consumer: StartConsumer) -> None:
    """A compromised converter could write a pickle to the queue on a kernel without Landlock."""
    created = instance.folder / "created"
    instance.queue.huey.storage.enqueue_to("convert", pickle.dumps(CreatesFile(created)))
    job_id = instance.queue_job()
    consumer = start_consumer("finish_at_once")
    assert instance.wait_for_end(job_id).state == State.SUCCESS
    assert not created.exists()
    assert consumer.poll() is None
    log = instance.log_path.read_text()
    assert "dropped an invalid message" in log
    assert "Traceback" not in log


@pytest.mark.timeout(400)
@ON_EACH_ENGINE
def test_two_consumers_run_each_job_once(instance: OpenInstance, start_consumer: StartConsumer) -> None:
    """Every job has two tasks. Both consumers have two workers, which are replaced after 10 tasks."""
    job_ids = [instance.queue_job(task_count=2) for _ in range(60)]
    consumers = [start_consumer("finish_at_once", workers=2, tasks_per_worker=10) for _ in range(2)]

    def are_all_done() -> bool:
        return Job.select().where(Job.state == State.SUCCESS).count() == len(job_ids)

    wait_for(are_all_done, "all jobs", timeout_s=300)
    assert Counter(job_id for job_id, _ in instance.list_runs()) == dict.fromkeys(job_ids, 1)
    assert len({pid for _, pid in instance.list_runs()}) > 4, "workers were replaced"
    assert Link.select().count() == len(job_ids)
    wait_for(lambda: not instance.queue.size(), "the second tasks to be dropped")
    for consumer in consumers:
        terminate_consumer(consumer)
        consumer.wait(20)
    log = instance.log_path.read_text()
    assert "Traceback" not in log
    assert "died" not in log, "workers ended as planned"

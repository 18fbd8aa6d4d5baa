"""If workers or ffmpeg are killed or hang, their jobs run again once and end with one result or one error."""

import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from chromi.db import FINAL_STATES, LEASE_S, Job, Link, State
from chromi.encoder.encoder_errors import ConverterKilled, WorkerDied
from tests.faults.conftest import ON_EACH_ENGINE, StartConsumer
from tests.support.consumers import terminate_consumer
from tests.support.open_instance import OpenInstance
from tests.support.processes import find_ffmpeg_processes, have_ended
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


def kill_worker(job_id: str) -> None:
    """Kill the worker that runs this job."""
    psutil.Process(int(str(Job.find(job_id).worker).split(":")[-1])).kill()


def expire_lease(job_id: str) -> None:
    """Set the last heartbeat to a time before the lease would have expired."""
    Job.update(heartbeat_at=time.time() - 60).where(Job.id == job_id).execute()


def kill_ffmpeg(consumer: "subprocess.Popen[bytes]", job_id: str, attempt: int) -> None:
    """Kill every ffmpeg of this attempt until it has ended, except those that only print their version."""

    def is_over() -> bool:
        for process in find_ffmpeg_processes(consumer.pid) if Job.find(job_id).attempts == attempt else []:
            with suppress(psutil.NoSuchProcess):
                if "-nostdin" in process.cmdline() and Job.find(job_id).attempts == attempt:
                    process.kill()
        job = Job.find(job_id)
        return job.attempts > attempt or job.state in FINAL_STATES

    wait_for(is_over, f"attempt {attempt} to end", interval_s=0.01)


@ON_EACH_ENGINE
def test_job_of_killed_worker_restarts_at_once(
    instance: OpenInstance, start_consumer: StartConsumer, plain_clip: Path
) -> None:
    consumer = start_consumer()
    job_id = instance.queue_job(instance.create_upload(plain_clip))
    processes = wait_for(lambda: find_ffmpeg_processes(consumer.pid), "ffmpeg")
    kill_worker(job_id)
    wait_for(
        lambda: Job.find(job_id).attempts == 2, "the second attempt", timeout_s=LEASE_S - 5, interval_s=0.02
    )
    wait_for(lambda: have_ended(processes), "the first attempt's ffmpeg to end", timeout_s=3)
    job = instance.wait_for_end(job_id)
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    assert Link.select().count() == 1
    wait_for(lambda: instance.list_temporary_files() == [], "the clip and the files of both attempts to go")


def test_killed_worker_does_not_affect_jobs_of_other_workers(
    instance: OpenInstance, start_consumer: StartConsumer
) -> None:
    """Two consumers have two workers each, and every job has two tasks."""
    for _ in range(2):
        start_consumer("wait_for_file", workers=2)
    killed_id, other_id = instance.queue_job(task_count=2), instance.queue_job(task_count=2)
    wait_for(lambda: len(instance.list_runs()) == 2, "both jobs to start")
    kill_worker(killed_id)
    wait_for(lambda: Job.find(killed_id).attempts == 2, "the second attempt", timeout_s=LEASE_S - 5)
    (instance.folder / "finish").touch()
    jobs = [instance.wait_for_end(job_id) for job_id in (killed_id, other_id)]
    assert [(job.state, job.attempts) for job in jobs] == [(State.SUCCESS, 2), (State.SUCCESS, 1)]
    assert Counter(job_id for job_id, _ in instance.list_runs()) == {killed_id: 2, other_id: 1}


def test_killed_ffmpeg_is_retried_once_and_then_reported(
    instance: OpenInstance, start_consumer: StartConsumer, plain_clip: Path
) -> None:
    consumer = start_consumer()
    killed_once_id = instance.queue_job(instance.create_upload(plain_clip))
    kill_ffmpeg(consumer, killed_once_id, 1)
    job = instance.wait_for_end(killed_once_id)
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    killed_twice_id = instance.queue_job(instance.create_upload(plain_clip))
    kill_ffmpeg(consumer, killed_twice_id, 1)
    kill_ffmpeg(consumer, killed_twice_id, 2)
    job = instance.wait_for_end(killed_twice_id)
    assert (job.state, job.attempts, job.error) == (State.FAILED, 2, ConverterKilled.user_message)
    wait_for(lambda: instance.list_temporary_files() == [], "all temporary files to go")
    assert not instance.storage.result_path(killed_twice_id).exists()


def test_job_that_kills_two_workers_fails_with_a_message(
    instance: OpenInstance, start_consumer: StartConsumer, plain_clip: Path
) -> None:
    start_consumer("kill_worker")
    job_id = instance.queue_job(instance.create_upload(plain_clip))
    job = instance.wait_for_end(job_id)
    assert (job.state, job.attempts, job.error) == (State.FAILED, 2, WorkerDied.user_message)
    assert len(instance.list_runs()) == 2
    wait_for(lambda: instance.list_temporary_files() == [], "all temporary files to go")
    assert "Worker 1 died, restarting." in instance.log_path.read_text()


def test_hanging_worker_is_killed_when_its_lease_expires(
    instance: OpenInstance, start_consumer: StartConsumer
) -> None:
    consumer = start_consumer("hang_once")
    job = instance.wait_for_end(instance.queue_job())
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    assert len({pid for _, pid in instance.list_runs()}) == 2
    terminate_consumer(consumer)
    consumer.wait(20)
    assert "in hang_once" in instance.log_path.read_text(), "the log has the stack of the hanging worker"


@ON_EACH_ENGINE
def test_worker_resuming_after_lease_expiry_changes_nothing(
    instance: OpenInstance, start_consumer: StartConsumer
) -> None:
    consumer = start_consumer("stall_once", workers=2)
    job_id = instance.queue_job()
    wait_for(instance.list_runs, "the job to start")
    expire_lease(job_id)
    instance.clean_up()
    job = instance.wait_for_end(job_id)
    (instance.folder / "finish").touch()
    terminate_consumer(consumer)
    assert consumer.wait(20) == 0
    assert len(instance.list_runs()) == 2
    assert (Job.find(job_id).state, job.attempts, Link.select().count()) == (State.SUCCESS, 2, 1)
    assert instance.storage.result_path(job_id).exists()
    assert instance.list_temporary_files() == []


def test_workers_die_with_killed_consumer(instance: OpenInstance, start_consumer: StartConsumer) -> None:
    consumer = start_consumer("wait_for_file", workers=2)
    job_id = instance.queue_job()
    wait_for(instance.list_runs, "the job to start")
    list_children = psutil.Process(consumer.pid).children
    wait_for(lambda: len(list_children(recursive=True)) == 3, "the scheduler and two workers")
    children = list_children(recursive=True)
    consumer.kill()
    consumer.wait()
    wait_for(lambda: have_ended(children), "the workers to end", timeout_s=20)
    started_at = time.monotonic()
    start_consumer("finish_at_once")
    assert instance.wait_for_end(job_id).state == State.SUCCESS
    assert time.monotonic() < started_at + LEASE_S / 2, "restarted before the lease expired"

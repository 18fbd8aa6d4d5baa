"""Workers die, hang and are told to stop: no job is lost, none is done twice at once, none is stuck."""

import pickle
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from chromi.config import Settings
from chromi.db import FINAL_STATES, LEASE_S, Job, Link, State, Upload, database
from chromi.encoder import ConversionOptions, probe_video
from chromi.encoder.encoder_errors import ConverterKilled, WorkerDied
from chromi.jobs import cleanup, recovery
from chromi.jobs.queue import Queue, open_service
from chromi.storage import Storage
from tests.support.consumers import run_consumer
from tests.support.processes import find_ffmpeg_processes, handles_signal, have_ended
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

FAKE_WORKER = "tests.support.fake_worker"
OPTIONS = ConversionOptions(duration_s=1.0)


@dataclass
class OpenInstance:
    """An instance folder without a web server: its rows and its queue, open in this process."""

    settings: Settings
    storage: Storage
    queue: Queue

    @property
    def log_path(self) -> Path:
        """What the consumers say."""
        return self.settings.instance / "consumer.log"

    def upload(self, clip: Path) -> Upload:
        upload = Upload.create(
            length_bytes=clip.stat().st_size, info_json=probe_video(clip).to_dict(), one_shot=True
        )
        shutil.copy(clip, self.storage.upload_path(upload.id))
        return upload

    def job(self, upload: Upload | None = None, *, tasks: int = 1) -> str:
        """A queued job, a minute old, with so many tasks that lead to it; stand-ins need no clip."""
        upload = upload or Upload.create(length_bytes=0, info_json={})
        job = Job.create(upload=upload, options_json=OPTIONS.to_dict(), created_at=time.time() - 60)
        for _ in range(tasks):
            self.queue.enqueue(job.id)
        return str(job.id)

    def clean_up(self) -> None:
        cleanup.run_cleanup(self.settings, self.storage, self.queue.waiting_ids(), self.queue.enqueue)

    def runs(self) -> list[list[str]]:
        """Job and process of each stand-in's run."""
        path = self.settings.instance / "runs"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def files(self) -> list[Path]:
        """What lies in the media folder but results."""
        folders = (self.storage.uploads, self.storage.frames, self.storage.work)
        return [path for folder in folders for path in folder.iterdir()]

    def wait_for_end(self, job_id: str) -> Job:
        def ended() -> Job | None:
            job = Job.find(job_id)
            return job if job.state in FINAL_STATES else None

        job = wait_for(ended, "the job's end", timeout_s=60)
        assert job is not None
        return job


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[OpenInstance]:
    settings = Settings(instance=tmp_path / "instance")
    storage, queue = open_service(settings)
    with database.connection_context():
        yield OpenInstance(settings, storage, queue)
    queue.huey.storage.close()
    database.close()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(instance: OpenInstance) -> Iterator[Start]:
    """Start consumers as hosts do; a `deed` instead of real conversions."""
    with ExitStack() as started:

        def start(deed: str = "", **how: int) -> "subprocess.Popen[bytes]":
            program = FAKE_WORKER if deed else "worker"
            return started.enter_context(
                run_consumer(instance.settings.instance, program, behavior=deed, **how)
            )

        yield start


def terminate(consumer: "subprocess.Popen[bytes]") -> None:
    """Ask it to end; one that has just begun would do so at once."""
    wait_for(lambda: handles_signal(consumer.pid, signal.SIGTERM), "the consumer to listen")
    consumer.terminate()


def worker_of(job_id: str) -> psutil.Process:
    return psutil.Process(int(str(Job.find(job_id).worker).split(":")[-1]))


def end_lease(job_id: str) -> None:
    """As if the worker had died as long ago as a lease lasts."""
    Job.update(heartbeat_at=time.time() - 60).where(Job.id == job_id).execute()


def kill_ffmpeg(consumer: "subprocess.Popen[bytes]", job_id: str, attempt: int) -> None:
    """Kill it, however often this attempt starts it; not while it is only asked for its version."""

    def is_over() -> bool:
        for process in find_ffmpeg_processes(consumer.pid) if Job.find(job_id).attempts == attempt else []:
            with suppress(psutil.NoSuchProcess):
                if "-nostdin" in process.cmdline() and Job.find(job_id).attempts == attempt:
                    process.kill()
        job = Job.find(job_id)
        return job.attempts > attempt or job.state in FINAL_STATES

    wait_for(is_over, f"attempt {attempt} to be over", interval_s=0.01)


def test_job_of_killed_worker_restarts_at_once(
    instance: OpenInstance, start: Start, heavy_clip: Path
) -> None:
    consumer = start()
    job_id = instance.job(instance.upload(heavy_clip))
    found = wait_for(lambda: find_ffmpeg_processes(consumer.pid), "ffmpeg")
    worker_of(job_id).kill()
    wait_for(lambda: Job.find(job_id).attempts == 2, "the second attempt", timeout_s=8, interval_s=0.02)
    wait_for(lambda: have_ended(found), "the first attempt's ffmpeg to end", timeout_s=3)
    job = instance.wait_for_end(job_id)
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    assert Link.select().count() == 1
    wait_for(lambda: instance.files() == [], "the clip and what the killed attempt left to go")


def test_killed_worker_affects_no_job_of_another_worker(instance: OpenInstance, start: Start) -> None:
    """Two consumers of two workers each, and every job has two tasks."""
    for _ in range(2):
        start("wait_for_file", workers=2)
    lost, kept = instance.job(tasks=2), instance.job(tasks=2)
    wait_for(lambda: len(instance.runs()) == 2, "both jobs' start")
    worker_of(lost).kill()
    wait_for(lambda: Job.find(lost).attempts == 2, "the second attempt", timeout_s=8)
    (instance.settings.instance / "finish").touch()
    jobs = [instance.wait_for_end(job_id) for job_id in (lost, kept)]
    assert [(job.state, job.attempts) for job in jobs] == [(State.SUCCESS, 2), (State.SUCCESS, 1)]
    assert Counter(job_id for job_id, _ in instance.runs()) == {lost: 2, kept: 1}


def test_killed_ffmpeg_is_retried_once_and_then_reported(
    instance: OpenInstance, start: Start, plain_clip: Path
) -> None:
    consumer = start()
    once = instance.job(instance.upload(plain_clip))
    kill_ffmpeg(consumer, once, 1)
    job = instance.wait_for_end(once)
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    twice = instance.job(instance.upload(plain_clip))
    kill_ffmpeg(consumer, twice, 1)
    kill_ffmpeg(consumer, twice, 2)
    job = instance.wait_for_end(twice)
    assert (job.state, job.attempts, job.error) == (State.FAILED, 2, ConverterKilled.user_message)
    wait_for(lambda: instance.files() == [], "everything to go")
    assert not instance.storage.result_path(twice).exists()


def test_job_that_kills_two_workers_fails_with_a_message(
    instance: OpenInstance, start: Start, plain_clip: Path
) -> None:
    start("kill_worker")
    job_id = instance.job(instance.upload(plain_clip))
    job = instance.wait_for_end(job_id)
    assert (job.state, job.attempts, job.error) == (State.FAILED, 2, WorkerDied.user_message)
    assert len(instance.runs()) == 2
    wait_for(lambda: instance.files() == [], "everything to go")


def test_hanging_worker_is_killed_when_its_lease_expires(instance: OpenInstance, start: Start) -> None:
    consumer = start("hang_once")
    job = instance.wait_for_end(instance.job())
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    assert len({pid for _, pid in instance.runs()}) == 2
    terminate(consumer)
    consumer.wait(20)
    assert "in hang_once" in instance.log_path.read_text(), "where it hung"


def test_worker_that_resumes_after_its_lease_changes_nothing(instance: OpenInstance, start: Start) -> None:
    consumer = start("stall_once", workers=2)
    job_id = instance.job()
    wait_for(instance.runs, "the job's start")
    end_lease(job_id)
    instance.clean_up()
    job = instance.wait_for_end(job_id)
    (instance.settings.instance / "finish").touch()
    terminate(consumer)
    assert consumer.wait(20) == 0
    assert len(instance.runs()) == 2
    assert (Job.find(job_id).state, job.attempts, Link.select().count()) == (State.SUCCESS, 2, 1)
    assert instance.storage.result_path(job_id).exists()
    assert instance.files() == []


@pytest.mark.parametrize("jump_s", [-3600, 86400])
def test_clock_change_takes_no_job_from_its_worker(
    instance: OpenInstance, start: Start, jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECHECK_DELAY_S", 6)  # the worker may have to wait, too
    start("wait_for_file")
    job_id = instance.job()
    wait_for(instance.runs, "the job's start")
    Job.update(heartbeat_at=Job.heartbeat_at - jump_s).where(Job.id == job_id).execute()
    instance.clean_up()
    (instance.settings.instance / "finish").touch()
    job = instance.wait_for_end(job_id)
    assert (job.state, job.attempts, len(instance.runs())) == (State.SUCCESS, 1, 1)


def test_workers_die_with_killed_consumer(instance: OpenInstance, start: Start) -> None:
    consumer = start("wait_for_file", workers=2)
    job_id = instance.job()
    wait_for(instance.runs, "the job's start")
    children = psutil.Process(consumer.pid).children
    wait_for(lambda: len(children(recursive=True)) == 3, "scheduler and workers")
    family = children(recursive=True)
    consumer.kill()
    consumer.wait()
    wait_for(lambda: have_ended(family), "its workers to end", timeout_s=5)
    started_at = time.monotonic()
    start("finish_at_once")
    assert instance.wait_for_end(job_id).state == State.SUCCESS
    assert time.monotonic() < started_at + LEASE_S / 2, "without waiting for the lease to run out"


def test_sigterm_lets_job_finish_within_grace_period(instance: OpenInstance, start: Start) -> None:
    consumer = start("wait_for_file")
    job_id = instance.job()
    waiting_id = instance.job()
    wait_for(instance.runs, "the job's start")
    terminate(consumer)
    renewed_at = Job.find(job_id).heartbeat_at
    wait_for(lambda: Job.find(job_id).heartbeat_at > renewed_at, "the job to go on")
    (instance.settings.instance / "finish").touch()
    assert consumer.wait(20) == 0
    assert [Job.find(each).state for each in (job_id, waiting_id)] == [State.SUCCESS, State.QUEUED]
    assert waiting_id in instance.queue.waiting_ids()


def test_job_is_requeued_after_grace_period(instance: OpenInstance, start: Start) -> None:
    consumer = start("wait_for_file", grace_s=1)
    job_id = instance.job()
    wait_for(instance.runs, "the job's start")
    terminate(consumer)
    consumer.wait(20)
    job = Job.find(job_id)
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert instance.queue.waiting_ids() == {job_id}
    assert instance.files() == []
    start("finish_at_once")
    assert instance.wait_for_end(job_id).attempts == 1


def test_job_without_task_is_enqueued_at_start(instance: OpenInstance, start: Start) -> None:
    """Whoever made it died between the row's commit and the enqueue."""
    job_id = instance.job(tasks=0)
    start("finish_at_once")
    assert instance.wait_for_end(job_id).state == State.SUCCESS


class CreatesFile:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_pickle_in_queue_runs_no_code(instance: OpenInstance, start: Start) -> None:
    """Such as a converter could write that was taken over where the kernel has no Landlock."""
    made = instance.settings.instance / "made"
    instance.queue.huey.storage.enqueue(pickle.dumps(CreatesFile(made)), 10)
    job_id = instance.job()
    consumer = start("finish_at_once")
    assert instance.wait_for_end(job_id).state == State.SUCCESS
    assert not made.exists()
    assert consumer.poll() is None
    log = instance.log_path.read_text()
    assert "dropped an invalid message" in log
    assert "Traceback" not in log


@pytest.mark.timeout(400)
def test_two_consumers_run_each_job_once(instance: OpenInstance, start: Start) -> None:
    """Every job has two tasks, and both consumers have two workers that are renewed on the way."""
    job_ids = [instance.job(tasks=2) for _ in range(300)]
    consumers = [start("finish_at_once", workers=2, tasks_per_worker=50) for _ in range(2)]

    def done() -> bool:
        return Job.select().where(Job.state == State.SUCCESS).count() == len(job_ids)

    wait_for(done, "all jobs", timeout_s=300)
    assert Counter(job_id for job_id, _ in instance.runs()) == dict.fromkeys(job_ids, 1)
    assert len({pid for _, pid in instance.runs()}) > 4, "workers were renewed"
    assert Link.select().count() == len(job_ids)
    wait_for(lambda: not instance.queue.size(), "the second tasks to be dropped")
    for consumer in consumers:
        terminate(consumer)
        consumer.wait(20)
    assert "Traceback" not in instance.log_path.read_text()

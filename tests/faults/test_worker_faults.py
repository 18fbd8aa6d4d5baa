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

STAND_IN = "tests.support.fake_worker"
RECIPE = ConversionOptions(duration_s=1.0)


@dataclass
class Hall:
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
        job = Job.create(upload=upload, options_json=RECIPE.to_dict(), created_at=time.time() - 60)
        for _ in range(tasks):
            self.queue.enqueue(job.id)
        return str(job.id)

    def sweep(self) -> None:
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
def hall(tmp_path: Path) -> Iterator[Hall]:
    settings = Settings(instance=tmp_path / "instance")
    storage, queue = open_service(settings)
    with database.connection_context():
        yield Hall(settings, storage, queue)
    queue.huey.storage.close()
    database.close()


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(hall: Hall) -> Iterator[Start]:
    """Start consumers as hosts do; a `deed` instead of real conversions."""
    with ExitStack() as started:

        def start(deed: str = "", **how: int) -> "subprocess.Popen[bytes]":
            program = STAND_IN if deed else "worker"
            return started.enter_context(run_consumer(hall.settings.instance, program, behavior=deed, **how))

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


def test_a_killed_workers_job_is_begun_again_at_once(hall: Hall, start: Start, heavy_clip: Path) -> None:
    consumer = start()
    job_id = hall.job(hall.upload(heavy_clip))
    found = wait_for(lambda: find_ffmpeg_processes(consumer.pid), "ffmpeg")
    worker_of(job_id).kill()
    wait_for(lambda: Job.find(job_id).attempts == 2, "the second attempt", timeout_s=8, interval_s=0.02)
    wait_for(lambda: have_ended(found), "the first attempt's ffmpeg to end", timeout_s=3)
    job = hall.wait_for_end(job_id)
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    assert Link.select().count() == 1
    wait_for(lambda: hall.files() == [], "the clip and what the killed attempt left to go")


def test_a_killed_worker_takes_no_job_from_another(hall: Hall, start: Start) -> None:
    """Two consumers of two workers each, and every job has two tasks."""
    for _ in range(2):
        start("wait_for_file", workers=2)
    lost, kept = hall.job(tasks=2), hall.job(tasks=2)
    wait_for(lambda: len(hall.runs()) == 2, "both jobs' start")
    worker_of(lost).kill()
    wait_for(lambda: Job.find(lost).attempts == 2, "the second attempt", timeout_s=8)
    (hall.settings.instance / "finish").touch()
    jobs = [hall.wait_for_end(job_id) for job_id in (lost, kept)]
    assert [(job.state, job.attempts) for job in jobs] == [(State.SUCCESS, 2), (State.SUCCESS, 1)]
    assert Counter(job_id for job_id, _ in hall.runs()) == {lost: 2, kept: 1}


def test_ffmpeg_killed_alone_is_one_more_try_and_then_said(
    hall: Hall, start: Start, plain_clip: Path
) -> None:
    consumer = start()
    once = hall.job(hall.upload(plain_clip))
    kill_ffmpeg(consumer, once, 1)
    job = hall.wait_for_end(once)
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    twice = hall.job(hall.upload(plain_clip))
    kill_ffmpeg(consumer, twice, 1)
    kill_ffmpeg(consumer, twice, 2)
    job = hall.wait_for_end(twice)
    assert (job.state, job.attempts, job.error) == (State.FAILED, 2, ConverterKilled.user_message)
    wait_for(lambda: hall.files() == [], "everything to go")
    assert not hall.storage.result_path(twice).exists()


def test_a_job_that_kills_its_worker_twice_fails_with_a_sentence(
    hall: Hall, start: Start, plain_clip: Path
) -> None:
    start("kill_worker")
    job_id = hall.job(hall.upload(plain_clip))
    job = hall.wait_for_end(job_id)
    assert (job.state, job.attempts, job.error) == (State.FAILED, 2, WorkerDied.user_message)
    assert len(hall.runs()) == 2
    wait_for(lambda: hall.files() == [], "everything to go")


def test_a_worker_that_hangs_is_ended_with_its_lease(hall: Hall, start: Start) -> None:
    consumer = start("hang_once")
    job = hall.wait_for_end(hall.job())
    assert (job.state, job.attempts) == (State.SUCCESS, 2)
    assert len({pid for _, pid in hall.runs()}) == 2
    terminate(consumer)
    consumer.wait(20)
    assert "in hang_once" in hall.log_path.read_text(), "where it hung"


def test_a_worker_that_wakes_up_too_late_changes_nothing(hall: Hall, start: Start) -> None:
    consumer = start("stall_once", workers=2)
    job_id = hall.job()
    wait_for(hall.runs, "the job's start")
    end_lease(job_id)
    hall.sweep()
    job = hall.wait_for_end(job_id)
    (hall.settings.instance / "finish").touch()
    terminate(consumer)
    assert consumer.wait(20) == 0
    assert len(hall.runs()) == 2
    assert (Job.find(job_id).state, job.attempts, Link.select().count()) == (State.SUCCESS, 2, 1)
    assert hall.storage.result_path(job_id).exists()
    assert hall.files() == []


@pytest.mark.parametrize("jump_s", [-3600, 86400])
def test_a_clock_that_is_set_takes_no_job_from_its_worker(
    hall: Hall, start: Start, jump_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECHECK_DELAY_S", 6)  # the worker may have to wait, too
    start("wait_for_file")
    job_id = hall.job()
    wait_for(hall.runs, "the job's start")
    Job.update(heartbeat_at=Job.heartbeat_at - jump_s).where(Job.id == job_id).execute()
    hall.sweep()
    (hall.settings.instance / "finish").touch()
    job = hall.wait_for_end(job_id)
    assert (job.state, job.attempts, len(hall.runs())) == (State.SUCCESS, 1, 1)


def test_workers_do_not_outlive_a_killed_consumer(hall: Hall, start: Start) -> None:
    consumer = start("wait_for_file", workers=2)
    job_id = hall.job()
    wait_for(hall.runs, "the job's start")
    children = psutil.Process(consumer.pid).children
    wait_for(lambda: len(children(recursive=True)) == 3, "scheduler and workers")
    family = children(recursive=True)
    consumer.kill()
    consumer.wait()
    wait_for(lambda: have_ended(family), "its workers to end", timeout_s=5)
    began_at = time.monotonic()
    start("finish_at_once")
    assert hall.wait_for_end(job_id).state == State.SUCCESS
    assert time.monotonic() < began_at + LEASE_S / 2, "without waiting for the lease to run out"


def test_sigterm_lets_a_job_finish_within_the_grace_time(hall: Hall, start: Start) -> None:
    consumer = start("wait_for_file")
    job_id = hall.job()
    waiting_id = hall.job()
    wait_for(hall.runs, "the job's start")
    terminate(consumer)
    renewed_at = Job.find(job_id).heartbeat_at
    wait_for(lambda: Job.find(job_id).heartbeat_at > renewed_at, "the job to go on")
    (hall.settings.instance / "finish").touch()
    assert consumer.wait(20) == 0
    assert [Job.find(each).state for each in (job_id, waiting_id)] == [State.SUCCESS, State.QUEUED]
    assert waiting_id in hall.queue.waiting_ids()


def test_a_job_goes_back_when_the_grace_time_is_over(hall: Hall, start: Start) -> None:
    consumer = start("wait_for_file", grace_s=1)
    job_id = hall.job()
    wait_for(hall.runs, "the job's start")
    terminate(consumer)
    consumer.wait(20)
    job = Job.find(job_id)
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert hall.queue.waiting_ids() == {job_id}
    assert hall.files() == []
    start("finish_at_once")
    assert hall.wait_for_end(job_id).attempts == 1


def test_a_job_that_was_never_enqueued_is_found_at_the_start(hall: Hall, start: Start) -> None:
    """Whoever made it died between the row's commit and the enqueue."""
    job_id = hall.job(tasks=0)
    start("finish_at_once")
    assert hall.wait_for_end(job_id).state == State.SUCCESS


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_in_the_queue_runs_no_code_and_stops_nobody(hall: Hall, start: Start) -> None:
    """Such as a converter could write that was taken over where the kernel has no Landlock."""
    made = hall.settings.instance / "made"
    hall.queue.huey.storage.enqueue(pickle.dumps(Touch(made)), 10)
    job_id = hall.job()
    consumer = start("finish_at_once")
    assert hall.wait_for_end(job_id).state == State.SUCCESS
    assert not made.exists()
    assert consumer.poll() is None
    log = hall.log_path.read_text()
    assert "dropped an invalid message" in log
    assert "Traceback" not in log


@pytest.mark.timeout(400)
def test_each_of_many_jobs_is_done_once_by_two_consumers(hall: Hall, start: Start) -> None:
    """Every job has two tasks, and both consumers have two workers that are renewed on the way."""
    job_ids = [hall.job(tasks=2) for _ in range(300)]
    consumers = [start("finish_at_once", workers=2, tasks_per_worker=50) for _ in range(2)]

    def done() -> bool:
        return Job.select().where(Job.state == State.SUCCESS).count() == len(job_ids)

    wait_for(done, "all jobs", timeout_s=300)
    assert Counter(job_id for job_id, _ in hall.runs()) == dict.fromkeys(job_ids, 1)
    assert len({pid for _, pid in hall.runs()}) > 4, "workers were renewed"
    assert Link.select().count() == len(job_ids)
    wait_for(lambda: not hall.queue.size(), "the second tasks to be dropped")
    for consumer in consumers:
        terminate(consumer)
        consumer.wait(20)
    assert "Traceback" not in hall.log_path.read_text()

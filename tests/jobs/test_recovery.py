"""Lost jobs are requeued, or fail after their last attempt; no live worker loses its job."""

import time

import pytest

from chromi.db import MAX_ATTEMPTS, Job, JobKind, State, Upload
from chromi.encoder import Progress
from chromi.jobs import recovery
from chromi.jobs.cleanup import CleanupReport
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks
from tests.jobs.conftest import LONG_AGO, CleanUp, Enqueued, create_job, create_upload
from tests.support.read_only_database import read_only


def test_job_with_expired_lease_is_requeued(clean_up: CleanUp, enqueued: Enqueued) -> None:
    job = create_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=1, worker="dead")
    assert clean_up().jobs_requeued == 1
    assert enqueued == [job.id]
    assert Job.find(job.id).state == State.QUEUED


def test_job_of_killed_worker_is_requeued_at_once(
    clean_up: CleanUp, storage: Storage, enqueued: Enqueued
) -> None:
    """Its lease has just been renewed, and the job has just been created."""
    now = time.time()
    fields: dict[str, object] = {"heartbeat_at": now, "created_at": now, "attempts": 1}
    lost = create_job(State.IN_PROGRESS, worker="killed", **fields)
    kept = create_job(State.IN_PROGRESS, worker="alive", **fields)
    ended = create_job(State.SUCCESS, kind=JobKind.LOOPS, worker="killed", finished_at=now)
    (storage.workers / "killed").touch()
    WorkerLocks(storage.workers).hold("alive")
    assert clean_up() == CleanupReport(jobs_requeued=1)
    assert enqueued == [lost.id]
    states = [Job.find(job.id).state for job in (lost, kept, ended)]
    assert states == [State.QUEUED, State.IN_PROGRESS, State.SUCCESS]
    assert clean_up(1) == CleanupReport()


def test_job_of_killed_worker_is_requeued_later_if_the_database_is_read_only(
    clean_up: CleanUp, storage: Storage
) -> None:
    create_job(State.IN_PROGRESS, worker="killed", heartbeat_at=time.time(), attempts=1)
    (storage.workers / "killed").touch()
    with read_only():
        assert clean_up().jobs_requeued == 0
    assert clean_up().jobs_requeued == 1


def test_job_fails_with_a_message_after_its_last_attempt(clean_up: CleanUp, enqueued: Enqueued) -> None:
    job = create_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=MAX_ATTEMPTS, worker="dead")
    assert clean_up().jobs_failed == 1
    assert enqueued == []
    failed = Job.find(job.id)
    assert (failed.state, failed.error_code) == (State.FAILED, "worker_died")
    assert failed.error_message


def test_job_that_fails_after_its_last_attempt_leaves_no_files(clean_up: CleanUp, storage: Storage) -> None:
    upload = create_upload(storage, used_at=time.time())
    Upload.update(one_shot=True).execute()
    job = create_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=MAX_ATTEMPTS, upload=upload)
    storage.attempt_path(job.id, MAX_ATTEMPTS).mkdir()
    clean_up()
    assert [path for folder in (storage.uploads, storage.work) for path in folder.iterdir()] == []


def test_times_in_the_future_count_as_expired(clean_up: CleanUp, enqueued: Enqueued) -> None:
    in_one_hour = time.time() + 3600
    held = create_job(State.IN_PROGRESS, heartbeat_at=in_one_hour, attempts=1, worker="dead")
    unseen = create_job(State.QUEUED, created_at=in_one_hour)
    assert clean_up().jobs_requeued == 2
    assert sorted(enqueued) == sorted([held.id, unseen.id])


@pytest.mark.parametrize("jump_s", [-3600, 86400])
def test_clock_change_does_not_take_a_job_from_a_live_worker(
    clean_up: CleanUp, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """The worker renews its lease before the recheck."""
    job = create_job(State.IN_PROGRESS, heartbeat_at=time.time() - jump_s, attempts=1, worker="alive")

    def renew(_: float) -> None:
        assert job.report(Progress("reading", 0.5, ""))

    monkeypatch.setattr(recovery.time, "sleep", renew)
    assert clean_up() == CleanupReport()
    assert Job.find(job.id).state == State.IN_PROGRESS


def test_worker_that_reports_at_the_last_moment_keeps_its_job(
    clean_up: CleanUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It renews its lease between the recheck and the release."""
    job = create_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=1, worker="slow")
    find = recovery._jobs_with_expired_lease

    def find_while_the_worker_reports() -> list[Job]:
        found = find()
        assert job.report(Progress("reading", 0.5, ""))
        return found

    monkeypatch.setattr(recovery, "_jobs_with_expired_lease", find_while_the_worker_reports)
    clean_up()
    assert Job.find(job.id).state == State.IN_PROGRESS


def test_queued_job_without_task_is_enqueued(clean_up: CleanUp, enqueued: Enqueued) -> None:
    job = create_job(State.QUEUED)
    create_job(State.QUEUED, created_at=time.time())
    assert clean_up().jobs_requeued == 1
    assert enqueued == [job.id]


def test_queued_job_with_task_is_not_enqueued_twice(clean_up: CleanUp, enqueued: Enqueued) -> None:
    create_job(State.QUEUED)
    assert clean_up(1).jobs_requeued == 0
    assert enqueued == []


def test_running_job_with_current_lease_is_not_touched(clean_up: CleanUp, enqueued: Enqueued) -> None:
    job = create_job(State.IN_PROGRESS, heartbeat_at=time.time(), attempts=1, worker="alive")
    assert clean_up() == CleanupReport()
    assert Job.find(job.id).state == State.IN_PROGRESS

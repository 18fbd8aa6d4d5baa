"""The sweep: what has expired goes, what is needed stays, what was lost is taken up again."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chromi import storage as storage_module
from chromi.config import Settings
from chromi.db import (
    MAX_ATTEMPTS,
    Job,
    JobKind,
    Link,
    State,
    Upload,
    Worker,
    database,
    open_database,
)
from chromi.encoder import ConversionOptions, Progress
from chromi.jobs import cleanup, removal
from chromi.storage import Storage, new_id
from chromi.storage.worker_locks import WorkerLocks

LONG_AGO = time.time() - 100_000


class Enqueued(list[str]):
    """Stands where the queue does and notes what it is given."""

    def __call__(self, job_id: str) -> None:
        self.append(job_id)


@pytest.fixture(autouse=True)
def _database(storage: Storage, settings: Settings) -> Iterator[None]:
    storage.create_folders()
    open_database(settings.instance)
    with database.connection_context():
        yield


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "RECHECK_DELAY_S", 0)


@pytest.fixture
def enqueued() -> Enqueued:
    return Enqueued()


@pytest.fixture
def run(settings: Settings, storage: Storage, enqueued: Enqueued) -> "Run":
    return Run(settings, storage, enqueued)


class Run:
    def __init__(self, settings: Settings, storage: Storage, enqueued: Enqueued) -> None:
        self._arguments = settings, storage
        self._enqueued = enqueued

    def __call__(self, waiting_ids: set[str] | None = None) -> cleanup.CleanupReport:
        return cleanup.run_cleanup(*self._arguments, waiting_ids or set(), self._enqueued)


def make_upload(storage: Storage, *, used_at: float = LONG_AGO) -> Upload:
    upload = Upload.create(length_bytes=1, info_json={}, used_at=used_at)
    storage.upload_path(upload.id).write_bytes(b"x")
    return upload


def make_job(state: State, **fields: object) -> Job:
    fields = {
        "options_json": ConversionOptions().to_dict(),
        "created_at": LONG_AGO,
        "finished_at": LONG_AGO,
    } | fields
    return Job.create(state=state, **fields)


def make_result(storage: Storage, *, expires_at: float) -> Job:
    job = make_job(State.SUCCESS)
    storage.result_path(job.id).write_bytes(b"GIF")
    storage.source_frame_path(job.id).write_bytes(b"JPEG")
    Link.create(job=job, expires_at=expires_at, shared=False)
    return job


def make_frames(storage: Storage, upload_id: str, *, used_at: float, start_s: float = 0) -> Path:
    path = storage.frame_cache_path(upload_id, ConversionOptions(start_s=start_s).frame_cache_key())
    path.write_bytes(b"frames")
    os.utime(path, (used_at, used_at))
    return path


def age(path: Path) -> Path:
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_an_empty_service_has_nothing_to_sweep(run: Run) -> None:
    assert run() == cleanup.CleanupReport()


def test_an_unused_upload_goes_an_hour_after_its_last_use(run: Run, storage: Storage) -> None:
    old, fresh = make_upload(storage), make_upload(storage, used_at=time.time() - 3000)
    assert run().uploads_removed == 1
    assert not storage.upload_path(old.id).exists()
    assert storage.upload_path(fresh.id).exists()


def test_an_unfinished_upload_goes_after_an_hour_without_a_piece(run: Run, storage: Storage) -> None:
    silent = Upload.create(length_bytes=9, used_at=LONG_AGO)
    slow = Upload.create(length_bytes=9, used_at=time.time() - 3000)
    for partial in (silent, slow):
        storage.upload_path(partial.id).write_bytes(b"half")
        age(storage.upload_path(partial.id))
    swept = run()
    assert (swept.partials_removed, swept.orphans_removed) == (1, 0)
    assert not storage.upload_path(silent.id).exists()
    assert storage.upload_path(slow.id).exists()
    assert [partial.id for partial in Upload.select()] == [slow.id]


def test_the_bytes_of_an_unfinished_upload_go_with_its_row(run: Run, storage: Storage) -> None:
    path = storage.upload_path(new_id())
    path.write_bytes(b"half")
    age(path)
    assert run().orphans_removed == 1
    assert not path.exists()


@pytest.mark.parametrize("use", ["touch", "job"])
def test_an_upload_put_to_use_while_the_sweep_is_about_to_remove_it_stays(
    run: Run, storage: Storage, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """It was found unused; then somebody opens it, or starts a job."""
    upload = make_upload(storage)
    other = make_upload(storage)

    def remove_later(found: Upload, *arguments: object) -> bool:
        if found == upload:
            assert found.touch() if use == "touch" else make_job(State.QUEUED, upload=found)
        return removal.remove_upload(found, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(cleanup, "remove_upload", remove_later)
    assert run().uploads_removed == 1
    assert storage.upload_path(upload.id).exists()
    assert [kept.id for kept in Upload.select()] == [upload.id]
    assert not storage.upload_path(other.id).exists()


def test_a_piece_that_comes_while_the_sweep_is_about_to_remove_its_upload_is_kept(
    run: Run, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = Upload.create(length_bytes=9, used_at=LONG_AGO)
    storage.upload_path(partial.id).write_bytes(b"half")

    def remove_later(found: Upload, *arguments: object) -> bool:
        assert found.touch()
        return removal.remove_partial(found, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(cleanup, "remove_partial", remove_later)
    assert run().partials_removed == 0
    assert storage.upload_path(partial.id).exists()


@pytest.mark.parametrize("state", [State.QUEUED, State.IN_PROGRESS])
def test_an_upload_that_a_job_needs_stays(run: Run, storage: Storage, state: State) -> None:
    upload = make_upload(storage)
    make_job(state, upload=upload, heartbeat_at=time.time())
    assert run().uploads_removed == 0
    assert storage.upload_path(upload.id).exists()


def test_a_finished_job_outlives_its_upload(run: Run, storage: Storage) -> None:
    upload = make_upload(storage)
    job = make_result(storage, expires_at=time.time() + 60)
    Job.update(upload=upload).execute()
    assert run().uploads_removed == 1
    assert Job.find(job.id).upload_id is None


def test_a_result_goes_with_its_last_link(run: Run, storage: Storage) -> None:
    expired = make_result(storage, expires_at=time.time() - 1)
    shared = make_result(storage, expires_at=time.time() - 1)
    Link.create(job=shared, expires_at=time.time() + 60)
    assert run().results_removed == 1
    assert not storage.result_path(expired.id).exists()
    assert not storage.source_frame_path(expired.id).exists()
    assert storage.result_path(shared.id).exists()
    assert storage.source_frame_path(shared.id).exists()
    assert Job.get_or_none(Job.id == expired.id) is None
    assert not Link.select().where(Link.job == expired.id).exists()


def test_a_result_that_is_shared_while_the_sweep_is_about_to_remove_it_stays(
    run: Run, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_result(storage, expires_at=time.time() - 1)

    def remove_later(job_id: str, *arguments: Storage) -> bool:
        Link.create(job=job_id, expires_at=time.time() + 60)
        return removal.remove_result_if_unneeded(job_id, *arguments)

    monkeypatch.setattr(cleanup, "remove_result_if_unneeded", remove_later)
    assert run().results_removed == 0
    assert storage.result_path(job.id).exists()
    assert Link.select().where(Link.job == job, Link.live()).exists()


def test_a_file_without_a_row_goes_once_it_is_old(run: Run, storage: Storage) -> None:
    abandoned = storage.uploads / "incoming-x"
    abandoned.write_bytes(b"half an upload")
    age(abandoned)
    arriving = storage.uploads / "incoming-y"
    arriving.write_bytes(b"still being sent")
    work = storage.attempt_path(new_id(), 1)
    work.mkdir()
    (work / "frames.nut").write_bytes(b"x")
    age(work)
    result = storage.results / f"{new_id()}.gif.abcd.partial"
    result.write_bytes(b"x")
    age(result)
    assert run().orphans_removed == 3
    assert [path for path in (abandoned, work, result) if path.exists()] == []
    assert arriving.exists()


def test_the_work_of_a_running_job_stays(run: Run, storage: Storage) -> None:
    job = make_job(State.IN_PROGRESS, heartbeat_at=time.time(), attempts=1)
    work = storage.attempt_path(job.id, 1)
    work.mkdir()
    age(work)
    assert run().orphans_removed == 0


def test_frames_go_with_their_upload(run: Run, storage: Storage) -> None:
    frames = make_frames(storage, make_upload(storage).id, used_at=time.time())
    assert run().uploads_removed == 1
    assert not frames.exists()


def test_frames_without_an_upload_go_at_once(run: Run, storage: Storage) -> None:
    frames = make_frames(storage, new_id(), used_at=time.time())
    assert run().frames_removed == 1
    assert not frames.exists()


def test_an_upload_keeps_its_latest_frames_only(run: Run, storage: Storage) -> None:
    upload = make_upload(storage, used_at=time.time())
    older = make_frames(storage, upload.id, used_at=1000)
    latest = make_frames(storage, upload.id, used_at=2000, start_s=1)
    assert run().frames_removed == 1
    assert (older.exists(), latest.exists()) == (False, True)


def test_only_the_uploads_used_last_keep_frames(run: Run, storage: Storage) -> None:
    uploads = [make_upload(storage, used_at=time.time()) for _ in range(removal.MAX_CACHED_FRAME_SETS + 2)]
    kept = [make_frames(storage, upload.id, used_at=1000 + n) for n, upload in enumerate(uploads)]
    assert run().frames_removed == 2
    assert [path.exists() for path in kept] == [False, False, *[True] * removal.MAX_CACHED_FRAME_SETS]


def test_a_disk_that_fills_up_keeps_no_frames(
    run: Run, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = make_frames(storage, make_upload(storage, used_at=time.time()).id, used_at=time.time())
    assert run().frames_removed == 0
    monkeypatch.setattr(storage_module, "MIN_FREE_BYTES", 10**18)
    assert run().frames_removed == 1
    assert not frames.exists()


def test_the_end_of_a_job_prunes_frames_and_one_that_failed_leaves_none(storage: Storage) -> None:
    upload, other = (make_upload(storage, used_at=time.time()) for _ in range(2))
    older = make_frames(storage, other.id, used_at=1000)
    latest = make_frames(storage, other.id, used_at=2000, start_s=1)
    suspect = make_frames(storage, upload.id, used_at=2000)
    removal.remove_job_leftovers(make_job(State.FAILED, upload=upload), storage)
    assert [path.exists() for path in (older, latest, suspect)] == [False, True, False]


def test_a_job_whose_worker_died_is_queued_again(run: Run, enqueued: Enqueued) -> None:
    job = make_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=1, worker="dead")
    assert run().jobs_requeued == 1
    assert enqueued == [job.id]
    assert Job.find(job.id).state == State.QUEUED


def test_a_job_whose_worker_was_killed_is_queued_again_at_once(
    run: Run, storage: Storage, enqueued: Enqueued
) -> None:
    """Its lease has just been renewed, and the job itself has just been made."""
    now = time.time()
    facts: dict[str, object] = {"heartbeat_at": now, "created_at": now, "attempts": 1}
    lost = make_job(State.IN_PROGRESS, worker="killed", **facts)
    kept = make_job(State.IN_PROGRESS, worker="alive", **facts)
    ended = make_job(State.SUCCESS, kind=JobKind.LOOPS, worker="killed", finished_at=now)
    (storage.workers / "killed").touch()
    WorkerLocks(storage.workers).hold("alive")
    assert run() == cleanup.CleanupReport(jobs_requeued=1)
    assert enqueued == [lost.id]
    states = [Job.find(job.id).state for job in (lost, kept, ended)]
    assert states == [State.QUEUED, State.IN_PROGRESS, State.SUCCESS]
    assert run({lost.id}) == cleanup.CleanupReport()


def test_a_killed_workers_job_is_found_again_if_it_cannot_be_queued_now(run: Run, storage: Storage) -> None:
    make_job(State.IN_PROGRESS, worker="killed", heartbeat_at=time.time(), attempts=1)
    (storage.workers / "killed").touch()
    database.execute_sql("PRAGMA query_only = on")
    assert run().jobs_requeued == 0
    database.execute_sql("PRAGMA query_only = off")
    assert run().jobs_requeued == 1


def test_a_job_that_kills_its_workers_fails_with_a_sentence(run: Run, enqueued: Enqueued) -> None:
    job = make_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=MAX_ATTEMPTS, worker="dead")
    assert run().jobs_failed == 1
    assert enqueued == []
    failed = Job.find(job.id)
    assert (failed.state, failed.error_code) == (State.FAILED, "worker_died")
    assert failed.error_message


def test_a_job_that_kills_its_workers_leaves_nothing(run: Run, storage: Storage) -> None:
    upload = make_upload(storage, used_at=time.time())
    Upload.update(one_shot=True).execute()
    job = make_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=MAX_ATTEMPTS, upload=upload)
    storage.attempt_path(job.id, MAX_ATTEMPTS).mkdir()
    run()
    assert [path for folder in (storage.uploads, storage.work) for path in folder.iterdir()] == []


def test_a_lease_from_before_the_clock_was_set_back_holds_nothing(run: Run, enqueued: Enqueued) -> None:
    in_an_hour = time.time() + 3600
    held = make_job(State.IN_PROGRESS, heartbeat_at=in_an_hour, attempts=1, worker="dead")
    unheard = make_job(State.QUEUED, created_at=in_an_hour)
    assert run().jobs_requeued == 2
    assert sorted(enqueued) == sorted([held.id, unheard.id])


@pytest.mark.parametrize("jump_s", [-3600, 86400])
def test_a_clock_that_was_set_takes_no_job_from_a_live_worker(
    run: Run, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """The worker renews its lease while the sweep waits to look again."""
    job = make_job(State.IN_PROGRESS, heartbeat_at=time.time() - jump_s, attempts=1, worker="alive")

    def renew(_: float) -> None:
        assert job.report(Progress("reading", 0.5, ""))

    monkeypatch.setattr(cleanup.time, "sleep", renew)
    assert run() == cleanup.CleanupReport()
    assert Job.find(job.id).state == State.IN_PROGRESS


def test_a_worker_that_speaks_at_the_last_moment_keeps_its_job(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It renews its lease between the second look and the taking."""
    job = make_job(State.IN_PROGRESS, heartbeat_at=LONG_AGO, attempts=1, worker="slow")
    look = cleanup._silent_jobs

    def look_and_be_slow() -> list[Job]:
        found = look()
        assert job.report(Progress("reading", 0.5, ""))
        return found

    monkeypatch.setattr(cleanup, "RECHECK_DELAY_S", 0)
    monkeypatch.setattr(cleanup, "_silent_jobs", look_and_be_slow)
    run()
    assert Job.find(job.id).state == State.IN_PROGRESS


def test_a_use_of_the_future_is_one_of_today(run: Run, storage: Storage) -> None:
    """The clock was a year ahead and was set back."""
    upload = make_upload(storage, used_at=time.time() + 366 * 86400)
    run()
    assert Upload.find(upload.id).used_at <= time.time(), "not removed either: it may be in use"


def test_a_job_that_never_reached_the_queue_is_enqueued(run: Run, enqueued: Enqueued) -> None:
    job = make_job(State.QUEUED)
    make_job(State.QUEUED, created_at=time.time())
    assert run().jobs_requeued == 1
    assert enqueued == [job.id]


def test_a_job_in_the_queue_is_not_enqueued_twice(run: Run, enqueued: Enqueued) -> None:
    job = make_job(State.QUEUED)
    assert run({job.id}).jobs_requeued == 0
    assert enqueued == []


def test_a_live_job_is_left_alone(run: Run, enqueued: Enqueued) -> None:
    job = make_job(State.IN_PROGRESS, heartbeat_at=time.time(), attempts=1, worker="alive")
    assert run() == cleanup.CleanupReport()
    assert Job.find(job.id).state == State.IN_PROGRESS


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_an_unsuccessful_job_is_forgotten_after_a_while(run: Run, state: State) -> None:
    make_job(state)
    make_job(state, finished_at=time.time())
    run()
    assert Job.select().count() == 1


def test_an_estimate_is_remembered_as_long_as_an_upload(run: Run) -> None:
    make_job(State.SUCCESS, kind=JobKind.ESTIMATE)
    fresh = make_job(State.SUCCESS, kind=JobKind.ESTIMATE, finished_at=time.time())
    waiting = make_job(State.QUEUED, kind=JobKind.ESTIMATE, finished_at=None)
    assert run().results_removed == 0
    assert {job.id for job in Job.select()} == {fresh.id, waiting.id}


def test_dead_workers_are_forgotten(run: Run) -> None:
    Worker.create(id="dead", seen_at=LONG_AGO)
    Worker.record_heartbeat("alive")
    run()
    assert [worker.id for worker in Worker.select()] == ["alive"]


# -- the databases' logs -------------------------------------------------------------------------------------


def test_the_logs_of_both_databases_do_not_grow_without_end(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(settings.instance / "queue.db")) as queue:
        queue.execute("PRAGMA journal_mode = wal")
        queue.execute("CREATE TABLE task (data)")
        make_job(State.QUEUED)
        logs = [settings.instance / f"{name}.db-wal" for name in ("chromi", "queue")]
        assert all(log.stat().st_size for log in logs)
        run()
        assert all(log.stat().st_size for log in logs), "small ones are left alone"
        monkeypatch.setattr("chromi.db.MAX_WAL_BYTES", 1)
        run()
        assert [log.stat().st_size for log in logs] == [0, 0]


def test_a_result_stays_whose_worker_waits_to_say_so(run: Run, storage: Storage) -> None:
    """Published, and the row cannot be written for a while; or the clock was set forward by a day."""
    job = make_job(State.IN_PROGRESS, heartbeat_at=time.time())
    paths = [storage.result_path(job.id), storage.source_frame_path(job.id)]
    for path in paths:
        path.write_bytes(b"x")
        age(path)
    assert run().orphans_removed == 0
    assert all(path.exists() for path in paths)


def test_room_is_made_even_when_no_row_can_be_written(run: Run, storage: Storage, settings: Settings) -> None:
    """A full disk: what needs no row goes first, and no step's trouble keeps the others from theirs."""
    unused = make_upload(storage)
    abandoned = storage.uploads / "incoming-x"
    abandoned.write_bytes(b"half an upload")
    age(abandoned)
    frames = make_frames(storage, new_id(), used_at=time.time())
    make_job(State.QUEUED)
    database.execute_sql("PRAGMA query_only = on")  # what SQLite then says is an OperationalError, too
    swept = run()
    assert (swept.orphans_removed, swept.frames_removed, swept.uploads_removed) == (1, 1, 0)
    assert not abandoned.exists()
    assert not frames.exists()
    database.execute_sql("PRAGMA query_only = off")
    assert run().uploads_removed == 1
    assert not storage.upload_path(unused.id).exists()

"""The cleanup removes what has expired and keeps what is needed."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from chromi.config import QUEUES, Settings
from chromi.db import Job, JobKind, Link, State, Upload, Webhook, Worker
from chromi.jobs import cleanup, removal
from chromi.jobs.cleanup import CleanupReport
from chromi.storage import Storage, new_id, paths
from tests.jobs.conftest import (
    LONG_AGO,
    CleanUp,
    create_frames,
    create_job,
    create_result,
    create_upload,
    make_old,
)
from tests.support.read_only_database import read_only

pytestmark = pytest.mark.usefixtures("open_instance")


def test_empty_service_needs_no_cleanup(clean_up: CleanUp) -> None:
    assert clean_up() == CleanupReport()


def test_upload_is_removed_an_hour_after_its_last_use(clean_up: CleanUp, storage: Storage) -> None:
    old, fresh = create_upload(storage), create_upload(storage, used_at=time.time() - 3000)
    assert clean_up().uploads_removed == 1
    assert not storage.upload_path(old.id).exists()
    assert storage.upload_path(fresh.id).exists()


def test_incomplete_upload_is_removed_an_hour_after_its_last_chunk(
    clean_up: CleanUp, storage: Storage
) -> None:
    stalled = Upload.create(length_bytes=9, used_at=LONG_AGO)
    slow = Upload.create(length_bytes=9, used_at=time.time() - 3000)
    for upload in (stalled, slow):
        storage.partial_upload_path(upload.id).write_bytes(b"half")
        make_old(storage.partial_upload_path(upload.id))
    report = clean_up()
    assert (report.uploads_removed, report.orphans_removed) == (1, 0)
    assert not storage.partial_upload_path(stalled.id).exists()
    assert storage.partial_upload_path(slow.id).exists()
    assert [upload.id for upload in Upload.select()] == [slow.id]


def test_upload_file_without_row_is_removed(clean_up: CleanUp, storage: Storage) -> None:
    path = storage.upload_path(new_id())
    path.write_bytes(b"half")
    make_old(path)
    assert clean_up().orphans_removed == 1
    assert not path.exists()


@pytest.mark.parametrize("use", ["touch", "job"])
def test_upload_that_is_used_during_cleanup_is_kept(
    clean_up: CleanUp, storage: Storage, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """It was found to be unused; then a visitor opens it or starts a job."""
    upload = create_upload(storage)
    other = create_upload(storage)

    def use_and_remove(found: Upload, *arguments: object) -> bool:
        if found == upload:
            assert found.touch() if use == "touch" else create_job(State.QUEUED, upload=found)
        return removal.remove_upload(found, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(cleanup, "remove_upload", use_and_remove)
    assert clean_up().uploads_removed == 1
    assert storage.upload_path(upload.id).exists()
    assert [kept.id for kept in Upload.select()] == [upload.id]
    assert not storage.upload_path(other.id).exists()


@pytest.mark.parametrize("state", [State.QUEUED, State.IN_PROGRESS])
def test_upload_with_unfinished_job_is_kept(clean_up: CleanUp, storage: Storage, state: State) -> None:
    upload = create_upload(storage)
    create_job(state, upload=upload, heartbeat_at=time.time())
    assert clean_up().uploads_removed == 0
    assert storage.upload_path(upload.id).exists()


def test_finished_job_outlives_its_upload(clean_up: CleanUp, storage: Storage) -> None:
    upload = create_upload(storage)
    job = create_result(storage, expires_at=time.time() + 60)
    Job.update(upload=upload).execute()
    assert clean_up().uploads_removed == 1
    assert Job.find(job.id).upload_id is None


def test_result_is_removed_with_its_last_live_link(clean_up: CleanUp, storage: Storage) -> None:
    expired = create_result(storage, expires_at=time.time() - 1)
    shared = create_result(storage, expires_at=time.time() - 1)
    Link.create(job=shared, expires_at=time.time() + 60)
    assert clean_up().results_removed == 1
    assert not storage.result_path(expired.id).exists()
    assert not storage.source_frame_path(expired.id).exists()
    assert storage.result_path(shared.id).exists()
    assert storage.source_frame_path(shared.id).exists()
    assert Job.get_or_none(Job.id == expired.id) is None
    assert not Link.select().where(Link.job == expired.id).exists()


@pytest.mark.slow
def test_result_that_is_shared_during_cleanup_is_kept(
    clean_up: CleanUp, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = create_result(storage, expires_at=time.time() - 1)

    def use_and_remove(job_id: str, *arguments: Storage) -> bool:
        Link.create(job=job_id, expires_at=time.time() + 60)
        return removal.remove_result_if_unneeded(job_id, *arguments)

    monkeypatch.setattr(cleanup, "remove_result_if_unneeded", use_and_remove)
    assert clean_up().results_removed == 0
    assert storage.result_path(job.id).exists()
    assert Link.select().where(Link.job == job, Link.live()).exists()


@pytest.mark.parametrize("open_instance", ["sqlite"], indirect=True)
def test_commits_of_other_processes_do_not_stop_the_cleanup(
    clean_up: CleanUp, storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove_files_while_another_process_commits(self: Storage, *paths: Path) -> None:
        with closing(sqlite3.connect(settings.instance / "chromi.db")) as other, other:
            other.execute("UPDATE worker SET seen_at = seen_at + 1")

    Worker.create(id="another", seen_at=time.time())
    monkeypatch.setattr(Storage, "remove", remove_files_while_another_process_commits)
    for _ in range(3):
        create_upload(storage)
        create_result(storage, expires_at=time.time() - 1)
    report = clean_up()
    assert (report.uploads_removed, report.results_removed) == (3, 3)


def test_row_of_a_result_goes_before_its_files(
    clean_up: CleanUp, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the row is gone, the result may still be shared."""
    job = create_result(storage, expires_at=time.time() - 1)
    found: list[Job | None] = []
    monkeypatch.setattr(Storage, "remove_result", lambda *_: found.append(Job.get_or_none(Job.id == job.id)))
    assert clean_up().results_removed == 1
    assert found == [None]


def test_old_files_without_row_are_removed(clean_up: CleanUp, storage: Storage) -> None:
    abandoned = storage.uploads / "incoming-x"
    abandoned.write_bytes(b"half an upload")
    make_old(abandoned)
    arriving = storage.uploads / "incoming-y"
    arriving.write_bytes(b"still being sent")
    work = storage.attempt_path(new_id(), 1)
    work.mkdir()
    (work / "frames.nut").write_bytes(b"x")
    make_old(work)
    result = storage.results / f"{new_id()}.gif.abcd.partial"
    result.write_bytes(b"x")
    make_old(result)
    temporary = storage.spool / "tmpabc"
    temporary.mkdir(parents=True)
    make_old(temporary)
    assert clean_up().orphans_removed == 4
    assert [path for path in (abandoned, work, result, temporary) if path.exists()] == []
    assert arriving.exists()


def test_work_folder_of_running_job_is_kept(clean_up: CleanUp, storage: Storage) -> None:
    job = create_job(State.IN_PROGRESS, heartbeat_at=time.time(), attempts=1)
    work = storage.attempt_path(job.id, 1)
    work.mkdir()
    make_old(work)
    assert clean_up().orphans_removed == 0


def test_cached_frames_are_removed_with_their_upload(clean_up: CleanUp, storage: Storage) -> None:
    frames = create_frames(storage, create_upload(storage).id, used_at=time.time())
    assert clean_up().uploads_removed == 1
    assert not frames.exists()


def test_cached_frames_without_upload_are_removed(clean_up: CleanUp, storage: Storage) -> None:
    frames = create_frames(storage, new_id(), used_at=time.time())
    assert clean_up().frames_removed == 1
    assert not frames.exists()


def test_only_the_latest_frames_of_an_upload_are_cached(clean_up: CleanUp, storage: Storage) -> None:
    upload = create_upload(storage, used_at=time.time())
    older = create_frames(storage, upload.id, used_at=1000)
    latest = create_frames(storage, upload.id, used_at=2000, start_s=1)
    assert clean_up().frames_removed == 1
    assert (older.exists(), latest.exists()) == (False, True)


def test_only_recently_used_uploads_have_cached_frames(clean_up: CleanUp, storage: Storage) -> None:
    uploads = [create_upload(storage, used_at=time.time()) for _ in range(removal.MAX_CACHED_FRAME_SETS + 2)]
    kept = [create_frames(storage, upload.id, used_at=1000 + n) for n, upload in enumerate(uploads)]
    assert clean_up().frames_removed == 2
    assert [path.exists() for path in kept] == [False, False, *[True] * removal.MAX_CACHED_FRAME_SETS]


def test_no_frames_are_cached_while_disk_space_is_low(
    clean_up: CleanUp, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = create_frames(storage, create_upload(storage, used_at=time.time()).id, used_at=time.time())
    assert clean_up().frames_removed == 0
    monkeypatch.setattr(paths, "MIN_FREE_BYTES", 10**18)
    assert clean_up().frames_removed == 1
    assert not frames.exists()


def test_end_of_job_prunes_frame_cache_and_failure_clears_it(storage: Storage) -> None:
    upload, other = (create_upload(storage, used_at=time.time()) for _ in range(2))
    older = create_frames(storage, other.id, used_at=1000)
    latest = create_frames(storage, other.id, used_at=2000, start_s=1)
    suspect = create_frames(storage, upload.id, used_at=2000)
    removal.remove_job_leftovers(create_job(State.FAILED, upload=upload), storage)
    assert [path.exists() for path in (older, latest, suspect)] == [False, True, False]


def test_last_use_in_the_future_is_set_to_now(clean_up: CleanUp, storage: Storage) -> None:
    """The clock was a year ahead and was set back."""
    upload = create_upload(storage, used_at=time.time() + 366 * 86400)
    clean_up()
    assert Upload.find(upload.id).used_at <= time.time(), "it must not be removed, because it may be in use"


@pytest.mark.slow
@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_unsuccessful_job_is_removed_after_the_upload_ttl(clean_up: CleanUp, state: State) -> None:
    create_job(state)
    create_job(state, finished_at=time.time())
    clean_up()
    assert Job.select().count() == 1


def test_estimate_is_removed_after_the_upload_ttl(clean_up: CleanUp) -> None:
    create_job(State.SUCCESS, kind=JobKind.ESTIMATE)
    fresh = create_job(State.SUCCESS, kind=JobKind.ESTIMATE, finished_at=time.time())
    waiting = create_job(State.QUEUED, kind=JobKind.ESTIMATE, finished_at=None)
    assert clean_up().results_removed == 0
    assert {job.id for job in Job.select()} == {fresh.id, waiting.id}


def test_webhooks_that_no_worker_sends_are_removed_after_a_day(clean_up: CleanUp) -> None:
    for name, due_s_ago in (("unsent", 90_000), ("due", 3600), ("retried later", -3600)):
        next_attempt_at = time.time() - due_s_ago
        Webhook.create(id=name, url="", status_url="", resource_id="", next_attempt_at=next_attempt_at)
    clean_up()
    assert {webhook.id for webhook in Webhook.select()} == {"due", "retried later"}


def test_rows_of_dead_workers_are_removed(clean_up: CleanUp) -> None:
    Worker.create(id="dead", seen_at=LONG_AGO)
    Worker.record_heartbeat("alive", QUEUES)
    clean_up()
    assert [worker.id for worker in Worker.select()] == ["alive"]


@pytest.mark.parametrize("open_instance", ["sqlite"], indirect=True)
def test_write_ahead_logs_of_both_databases_are_truncated(
    clean_up: CleanUp, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(settings.instance / "queue.db")) as queue:
        queue.execute("PRAGMA journal_mode = wal")
        queue.execute("CREATE TABLE task (data)")
        create_job(State.QUEUED)
        logs = [settings.instance / f"{name}.db-wal" for name in ("chromi", "queue")]
        assert all(log.stat().st_size for log in logs)
        clean_up()
        assert all(log.stat().st_size for log in logs), "small logs are not truncated"
        monkeypatch.setattr("chromi.db.connection.MAX_WAL_BYTES", 1)
        clean_up()
        assert [log.stat().st_size for log in logs] == [0, 0]


def test_result_of_running_job_is_kept(clean_up: CleanUp, storage: Storage) -> None:
    """It is published but not yet recorded, or the clock was set forward by a day."""
    job = create_job(State.IN_PROGRESS, heartbeat_at=time.time())
    paths = [storage.result_path(job.id), storage.source_frame_path(job.id)]
    for path in paths:
        path.write_bytes(b"x")
        make_old(path)
    assert clean_up().orphans_removed == 0
    assert all(path.exists() for path in paths)


def test_files_are_removed_while_the_database_is_read_only(
    clean_up: CleanUp, storage: Storage, settings: Settings
) -> None:
    """As on a full disk: steps that write no rows come first, and a failed step does not stop the others."""
    unused = create_upload(storage)
    abandoned = storage.uploads / "incoming-x"
    abandoned.write_bytes(b"half an upload")
    make_old(abandoned)
    frames = create_frames(storage, new_id(), used_at=time.time())
    create_job(State.QUEUED)
    with read_only():
        report = clean_up()
    assert (report.orphans_removed, report.frames_removed, report.uploads_removed) == (1, 1, 0)
    assert not abandoned.exists()
    assert not frames.exists()
    assert clean_up().uploads_removed == 1
    assert not storage.upload_path(unused.id).exists()

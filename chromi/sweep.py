"""Nothing is kept: what has expired goes, what a dead worker left behind is taken up again."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from peewee import OperationalError

from chromi.config import Settings
from chromi.encoder.errors import WorkerDied
from chromi.models import (
    FINAL_STATES,
    LEASE_S,
    MAX_ATTEMPTS,
    Allowance,
    Job,
    JobKind,
    Link,
    PartialUpload,
    State,
    Upload,
    Worker,
    shrink_wal,
)
from chromi.storage import Storage

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 2.0
"""A live worker renews its lease meanwhile, so that a clock that was set takes no job from it."""
ENQUEUE_GRACE_S = 10
"""A job's row is committed a moment before its task is enqueued: only later is it taken for lost."""
ORPHAN_AGE_S = 600
"""A file without a row is removed once nobody has written to it for this long."""
KEPT_SETS = 4
"""So many uploads keep their latest frames, to spare the next job the reading. A set takes about 60 MB at
720p, and 10 s of pure noise at 1080p takes 1 GB; a host's volume may have 1 GB in all."""


@dataclass(frozen=True)
class Swept:
    """What one sweep did, in counts."""

    jobs_failed: int = 0
    jobs_requeued: int = 0
    uploads_removed: int = 0
    partials_removed: int = 0
    results_removed: int = 0
    orphans_removed: int = 0
    frames_removed: int = 0


def sweep_all(
    settings: Settings, storage: Storage, waiting_ids: set[str], enqueue: Callable[[str], object]
) -> Swept:
    """Do all there is to do now; safe to run twice and at any moment.

    What needs no row to be written comes first: on a full disk that makes the room for the rest.
    """
    swept = Swept(
        frames_removed=_guarded(lambda: _prune_frames(storage)),
        orphans_removed=_guarded(lambda: _remove_orphans(storage)),
        uploads_removed=_guarded(lambda: _remove_unused_uploads(settings, storage)),
        partials_removed=_guarded(lambda: _remove_silent_partials(settings, storage)),
        results_removed=_guarded(lambda: _remove_expired_results(settings, storage)),
        jobs_failed=_guarded(lambda: _take_back_lost_jobs(storage)),
        jobs_requeued=_guarded(lambda: _enqueue_forgotten(waiting_ids, enqueue)),
    )
    _guarded(Allowance.forget_unused)
    _guarded(Worker.delete().where(Worker.seen_at < time.time() - 3600).execute)
    for name in ("chromi.db", "queue.db"):
        _guarded(partial(shrink_wal, settings.instance / name))
    if swept != Swept():
        log.info("%s", swept)
    return swept


def make_room(storage: Storage) -> None:
    """Do what needs neither a row nor a task to be written: no sweep comes from the queue of a full disk."""
    _guarded(lambda: _prune_frames(storage))
    _guarded(lambda: _remove_orphans(storage))


def _guarded(step: Callable[[], int]) -> int:
    """Take a step, and go on to the next should the disk be full or the database locked."""
    try:
        return step()
    except (OperationalError, sqlite3.OperationalError, OSError) as error:
        log.warning("the next sweep tries again: %s", error)
        return 0


def after_job(job: Job, storage: Storage) -> None:
    """Remove at once what nothing can need when a job has ended, and start its upload's time to live anew."""
    ended = Job.get_or_none(Job.id == job.id, Job.state.in_((State.FAILED, State.CANCELLED)))
    if ended:
        storage.remove_result(job.id)  # cancelled in the moment it was published
    if ended and ended.state == State.FAILED:
        _remove_frames(job.upload_id, storage)  # a power cut may have damaged them: the next try reads anew
    _prune_frames(storage)
    _guarded(lambda: _release_upload(job.upload_id, storage))


def _release_upload(upload_id: str | None, storage: Storage) -> bool:
    """Start its time to live anew, or remove it if it was sent for the one job that has ended."""
    upload = Upload.get_or_none(Upload.id == upload_id)
    if upload is None:
        return False
    unfinished = Job.select(Job.upload).where(Job.upload == upload, Job.state.not_in(FINAL_STATES))
    if upload.one_shot and _remove_upload(upload, storage, Upload.id.not_in(unfinished)):
        return True
    return upload.touch()


def remove_result_if_unneeded(job_id: str, storage: Storage) -> bool:
    """Remove a result that no live link needs any more, with its rows."""
    if Link.select().where(Link.job == job_id, Link.live()).exists():
        return False
    storage.remove_result(job_id)
    return bool(Job.delete().where(Job.id == job_id, Job.state == State.SUCCESS).execute())


def is_lost(job: Job, waiting_ids: set[str]) -> bool:
    """True for a job that nobody works on or will: its worker's lease ran out, or no task leads to it.

    A time in the future was written before the clock was set back, and holds nothing.
    """
    now = time.time()
    if job.state == State.IN_PROGRESS:
        return abs(now - (job.heartbeat_at or 0)) > LEASE_S
    enqueued = job.id in waiting_ids or abs(now - job.created_at) < ENQUEUE_GRACE_S
    return job.state == State.QUEUED and not enqueued


def _take_back_lost_jobs(storage: Storage) -> int:
    """Queue the jobs of dead workers again, or fail those that had their tries; count the latter."""
    failed = 0
    for job in _silent_jobs():
        if job.attempts < MAX_ATTEMPTS:
            job.release()
        elif job.fail(WorkerDied()):
            failed += 1
            storage.remove_attempts(job.id)
            after_job(job, storage)
    return failed


def _silent_jobs() -> list[Job]:
    """List the running jobs whose lease ran out and is not being renewed."""
    running = Job.select().where(Job.state == State.IN_PROGRESS)
    heard = {job.id: job.heartbeat_at for job in running if is_lost(job, set())}
    if not heard:
        return []
    time.sleep(LOOK_AGAIN_S)
    again = running.where(Job.id.in_(list(heard)))
    return [job for job in again if job.heartbeat_at == heard[job.id]]


def _enqueue_forgotten(waiting_ids: set[str], enqueue: Callable[[str], object]) -> int:
    """Enqueue the queued jobs that have no task: whoever made or ran them died in between."""
    queued = Job.select().where(Job.state == State.QUEUED)
    forgotten = [job.id for job in queued if is_lost(job, waiting_ids)]
    for job_id in forgotten:
        enqueue(job_id)
    return len(forgotten)


def _remove_unused_uploads(settings: Settings, storage: Storage) -> int:
    busy = Job.select(Job.upload).where(Job.state.not_in(FINAL_STATES), Job.upload.is_null(False))
    unused = (Upload.used_at < time.time() - settings.upload_ttl_s) & Upload.id.not_in(busy)
    # Asked again as it is removed: somebody may have put it to use in between.
    return sum(_remove_upload(upload, storage, unused) for upload in Upload.select().where(unused))


def _remove_silent_partials(settings: Settings, storage: Storage) -> int:
    """Remove the uploads that nobody went on with."""
    silent = PartialUpload.used_at < time.time() - settings.upload_ttl_s
    found = list(PartialUpload.select().where(silent))
    return sum(remove_partial(partial, storage, silent) for partial in found)


def remove_partial(partial: PartialUpload, storage: Storage, *conditions: Any) -> bool:
    """Remove an unfinished upload if it still is one and the conditions hold."""
    removed = PartialUpload.delete().where(PartialUpload.id == partial.id, *conditions).execute()
    if removed:
        storage.partial_path(partial.id).unlink(missing_ok=True)
    return bool(removed)


def _remove_upload(upload: Upload, storage: Storage, condition: Any) -> bool:
    removed = Upload.delete().where(Upload.id == upload.id, condition).execute()
    if removed:
        storage.upload_path(upload.id).unlink(missing_ok=True)
        storage.preview_path(upload.id).unlink(missing_ok=True)
        _remove_frames(upload.id, storage)
    return bool(removed)


def _remove_frames(upload_id: str | None, storage: Storage) -> None:
    for owner_id, path in storage.kept_frames():
        if owner_id == upload_id:
            path.unlink(missing_ok=True)


def _prune_frames(storage: Storage) -> int:
    """Keep the latest frames of the KEPT_SETS uploads used last, and none when the disk is filling up.

    A running job is not harmed: it has a link of its own in its work folder.
    """
    room = 0 if storage.is_short_of_space() else KEPT_SETS
    uploads = {upload.id for upload in Upload.select(Upload.id)}
    removed = 0
    for upload_id, path in storage.kept_frames():
        if upload_id in uploads and room:
            uploads.remove(upload_id)
            room -= 1
        else:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _remove_expired_results(settings: Settings, storage: Storage) -> int:
    """Remove the results without a live link; jobs without a result are remembered as long as an upload."""
    needed = Link.select(Link.job).where(Link.live())
    made = Job.select(Job.id).where(Job.state == State.SUCCESS, Job.kind == JobKind.CONVERT)
    expired = made.where(Job.id.not_in(needed))
    removed = sum(remove_result_if_unneeded(job.id, storage) for job in expired)
    Job.delete().where(
        Job.state.in_((State.FAILED, State.CANCELLED)) | (Job.kind != JobKind.CONVERT),
        Job.finished_at < time.time() - settings.upload_ttl_s,
    ).execute()
    return removed


def _remove_orphans(storage: Storage) -> int:
    """Remove files that belong to no row, such as a crash leaves behind.

    A running job's result may lie there already, while its worker waits to say so.
    """
    jobs = list(Job.select().where(Job.state.in_((State.IN_PROGRESS, State.SUCCESS))))
    running = [job for job in jobs if job.state == State.IN_PROGRESS]
    at_work = {storage.attempt_path(job.id, job.attempts).name for job in running}
    results = {f"{job.id}{suffix}" for job in jobs for suffix in (".gif", ".jpg")}
    # Partial ones first: one that is completed in between is then found as a whole.
    partials = {storage.partial_path(partial.id).name for partial in PartialUpload.select(PartialUpload.id)}
    ids = [upload.id for upload in Upload.select(Upload.id)]
    uploads = {*ids, *(storage.preview_path(upload_id).name for upload_id in ids)}
    return (
        _remove_old_except(storage.uploads.iterdir(), uploads | partials)
        + _remove_old_except(storage.work.iterdir(), at_work)
        + _remove_old_except(storage.results.iterdir(), results)
    )


def _remove_old_except(paths: Iterable[Path], kept_names: set[str]) -> int:
    """Remove what is not to be kept and has not been written to lately."""
    removed = 0
    for path in paths:
        try:
            if path.name in kept_names or path.stat().st_mtime > time.time() - ORPHAN_AGE_S:
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:
            continue  # whoever owned it removed it just now
        removed += 1
    return removed

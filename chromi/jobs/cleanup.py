"""Nothing is kept: what has expired goes, what a dead worker left behind is taken up again."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chromi.config import Settings
from chromi.db import (
    FINAL_STATES,
    LEASE_S,
    MAX_ATTEMPTS,
    Job,
    JobKind,
    Link,
    PartialUpload,
    RateLimitUsage,
    State,
    Upload,
    Worker,
    database,
    shrink_wal,
)
from chromi.encoder.encoder_errors import WorkerDied
from chromi.jobs.removal import (
    after_job,
    best_effort,
    prune_frame_cache,
    remove_partial,
    remove_result_if_unneeded,
    remove_upload,
)
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 2.0
"""A live worker renews its lease meanwhile, so that a clock that was set takes no job from it."""
ENQUEUE_GRACE_S = 10
"""A new job's row is committed a moment before its task is enqueued: only later is it taken for lost."""
ORPHAN_AGE_S = 600
"""A file without a row is removed once nobody has written to it for this long."""


@dataclass(frozen=True)
class RecoveryReport:
    """The jobs that nobody worked on, in counts: those that had their tries, and those queued again."""

    jobs_failed: int = 0
    jobs_requeued: int = 0


@dataclass(frozen=True)
class CleanupReport(RecoveryReport):
    """What one sweep did, in counts."""

    uploads_removed: int = 0
    partials_removed: int = 0
    results_removed: int = 0
    orphans_removed: int = 0
    frames_removed: int = 0


def run_cleanup(
    settings: Settings, storage: Storage, waiting_ids: set[str], enqueue: Callable[[str], object]
) -> CleanupReport:
    """Do all there is to do now; safe to run twice and at any moment.

    What needs no row to be written comes first: on a full disk that makes the room for the rest.
    """
    swept = CleanupReport(
        frames_removed=best_effort(lambda: prune_frame_cache(storage)),
        orphans_removed=best_effort(lambda: _remove_orphans(storage)),
        uploads_removed=best_effort(lambda: _remove_unused_uploads(settings, storage)),
        partials_removed=best_effort(lambda: _remove_silent_partials(settings, storage)),
        results_removed=best_effort(lambda: _remove_expired_results(settings, storage)),
        **vars(recover_jobs(storage, waiting_ids, enqueue)),
    )
    best_effort(RateLimitUsage.delete_expired)
    for kind in (Upload, PartialUpload):
        best_effort(kind.clamp_future_times)
    best_effort(Worker.delete().where(Worker.seen_at < time.time() - 3600).execute)
    for name in ("chromi.db", "queue.db"):
        best_effort(partial(shrink_wal, settings.instance / name))
    if swept != CleanupReport():
        logger.info("%s", swept)
    return swept


def recover_jobs(storage: Storage, waiting_ids: set[str], enqueue: Callable[[str], object]) -> RecoveryReport:
    """Queue again, or fail, the jobs that no worker does or will do.

    Safe to run twice and at any moment, and cheap enough for every few seconds.
    """
    return RecoveryReport(
        jobs_failed=best_effort(lambda: _take_back_lost_jobs(storage)),
        jobs_requeued=best_effort(lambda: _enqueue_forgotten(waiting_ids, enqueue)),
    )


def free_disk_space(storage: Storage) -> None:
    """Do what needs neither a row nor a task to be written: no sweep comes from the queue of a full disk."""
    best_effort(lambda: prune_frame_cache(storage))
    best_effort(lambda: _remove_orphans(storage))


def is_lost(job: Job, waiting_ids: set[str]) -> bool:
    """True for a job that nobody works on or will: its worker's lease ran out, or no task leads to it.

    A time in the future was written before the clock was set back, and holds nothing.
    """
    now = time.time()
    if job.state == State.IN_PROGRESS:
        return abs(now - (job.heartbeat_at or 0)) > LEASE_S
    is_new = job.heartbeat_at is None and abs(now - job.created_at) < ENQUEUE_GRACE_S
    return job.state == State.QUEUED and job.id not in waiting_ids and not is_new


def _take_back_lost_jobs(storage: Storage) -> int:
    """Queue the jobs of ended and of silent workers again, or fail those that had their tries.

    Count the latter.
    """
    failed = 0
    for worker_id in WorkerLocks(storage.workers).ended():
        jobs = Job.select().where(Job.state == State.IN_PROGRESS, Job.worker == worker_id)
        failed += _take_back_all(list(jobs), storage)
    return failed + _take_back_all(_silent_jobs(), storage)


def _take_back_all(jobs: Iterable[Job], storage: Storage) -> int:
    """Take back jobs; count those that failed with it."""
    failed = 0
    for job in jobs:
        if _take_back(job):
            failed += 1
            storage.remove_attempts(job.id)
            after_job(job, storage)
    return failed


def _take_back(job: Job) -> bool:
    """Take a job from its worker; true when that was its last try."""
    with database.atomic("IMMEDIATE"):  # the worker may have spoken since, and cannot in between
        if not Job.select().where(Job.id == job.id, Job.heartbeat_at == job.heartbeat_at).exists():
            return False
        logger.warning("job %s: its worker %s is gone, in attempt %d", job.id, job.worker, job.attempts)
        if job.attempts < MAX_ATTEMPTS:
            job.release()
            return False
        return job.fail(WorkerDied())


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
    return sum(remove_upload(upload, storage, unused) for upload in Upload.select().where(unused))


def _remove_silent_partials(settings: Settings, storage: Storage) -> int:
    """Remove the uploads that nobody went on with."""
    silent = PartialUpload.used_at < time.time() - settings.upload_ttl_s
    found = list(PartialUpload.select().where(silent))
    return sum(remove_partial(partial, storage, settings, silent) for partial in found)


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

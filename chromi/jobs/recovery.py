"""Recover jobs that no worker is running and no task refers to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from chromi.db import LEASE_S, MAX_ATTEMPTS, Job, State, database
from chromi.encoder.encoder_errors import WorkerDied
from chromi.jobs.removal import best_effort, remove_job_leftovers
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)

RECHECK_DELAY_S = 2.0
"""A live worker renews its lease within this time, so a clock change never takes a job from it."""
ENQUEUE_GRACE_S = 10
"""A new job's row is committed just before its task is enqueued.

Only after this long does it count as lost.
"""


@dataclass(frozen=True)
class RecoveryReport:
    """How many lost jobs were failed after their last attempt, and how many were requeued."""

    jobs_failed: int = 0
    jobs_requeued: int = 0


def recover_jobs(storage: Storage, waiting_ids: set[str], enqueue: Callable[[str], object]) -> RecoveryReport:
    """Requeue or fail lost jobs.

    This may run at any time, even twice at once, and is cheap enough to run every few seconds.
    """
    return RecoveryReport(
        jobs_failed=best_effort(lambda: _release_jobs_of_dead_workers(storage)),
        jobs_requeued=best_effort(lambda: _enqueue_jobs_without_task(waiting_ids, enqueue)),
    )


def is_lost(job: Job, waiting_ids: set[str]) -> bool:
    """True if the job's lease has expired, or if it is queued but has no task.

    A heartbeat in the future was written before the clock was set back and counts as expired.
    """
    now = time.time()
    if job.state == State.IN_PROGRESS:
        return abs(now - (job.heartbeat_at or 0)) > LEASE_S
    is_new = job.heartbeat_at is None and abs(now - job.created_at) < ENQUEUE_GRACE_S
    return job.state == State.QUEUED and job.id not in waiting_ids and not is_new


def _release_jobs_of_dead_workers(storage: Storage) -> int:
    """Release the jobs of workers that have ended or stopped responding, and return how many failed."""
    failed = 0
    for worker_id in WorkerLocks(storage.workers).find_dead_workers():
        jobs = Job.select().where(Job.state == State.IN_PROGRESS, Job.worker == worker_id)
        failed += _release_all(list(jobs), storage)
    return failed + _release_all(_jobs_with_expired_lease(), storage)


def _release_all(jobs: Iterable[Job], storage: Storage) -> int:
    """Release jobs and return how many failed because they had no attempts left."""
    failed = 0
    for job in jobs:
        if _release(job):
            failed += 1
            storage.remove_attempts(job.id)
            remove_job_leftovers(job, storage)
    return failed


def _release(job: Job) -> bool:
    """Take a job from its worker. Return True if it failed because that was its last attempt."""
    with database.atomic("IMMEDIATE"):  # the worker may have reported since; lock it out until we commit
        if not Job.select().where(Job.id == job.id, Job.heartbeat_at == job.heartbeat_at).exists():
            return False
        logger.warning("job %s: worker %s was lost during attempt %d", job.id, job.worker, job.attempts)
        if job.attempts < MAX_ATTEMPTS:
            job.release()
            return False
        return job.fail(WorkerDied())


def _jobs_with_expired_lease() -> list[Job]:
    """List the running jobs whose lease has expired and is not renewed within RECHECK_DELAY_S."""
    running = Job.select().where(Job.state == State.IN_PROGRESS)
    heartbeats = {job.id: job.heartbeat_at for job in running if is_lost(job, set())}
    if not heartbeats:
        return []
    time.sleep(RECHECK_DELAY_S)
    rechecked = running.where(Job.id.in_(list(heartbeats)))
    return [job for job in rechecked if job.heartbeat_at == heartbeats[job.id]]


def _enqueue_jobs_without_task(waiting_ids: set[str], enqueue: Callable[[str], object]) -> int:
    """Enqueue the queued jobs that have no task because the process that created or ran them died."""
    queued = Job.select().where(Job.state == State.QUEUED)
    lost_ids = [job.id for job in queued if is_lost(job, waiting_ids)]
    for job_id in lost_ids:
        enqueue(job_id)
    return len(lost_ids)

"""Recover jobs that no worker is running and no task refers to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from chromi.db import LEASE_S, MAX_ATTEMPTS, Job, JobKind, State, exclusive_transaction
from chromi.encoder.encoder_errors import WorkerDied
from chromi.jobs.removal import best_effort, remove_job_leftovers
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)

QUEUE_KINDS: Mapping[str, tuple[JobKind, ...]] = {
    "convert": (JobKind.CONVERT,),
    "studio": (JobKind.ESTIMATE, JobKind.LOOPS, JobKind.BARS, JobKind.PREVIEW),
}
"""The jobs of each queue."""
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


def recover_jobs(
    storage: Storage, queue_sizes: Callable[[], Mapping[str, int]], enqueue: Callable[[Job], object]
) -> RecoveryReport:
    """Requeue or fail lost jobs. `queue_sizes` returns the number of waiting tasks in each queue.

    This may run at any time, even twice at once, and is cheap enough to run every few seconds.
    """
    return RecoveryReport(
        jobs_failed=best_effort(lambda: _release_jobs_of_dead_workers(storage)),
        jobs_requeued=best_effort(lambda: _enqueue_jobs_without_task(queue_sizes, enqueue)),
    )


def queue_of(job: Job) -> str:
    """Return the name of the queue that the job belongs to."""
    return next(name for name, kinds in QUEUE_KINDS.items() if job.kind in kinds)


def find_jobs_without_task(queue_sizes: Mapping[str, int]) -> list[Job]:
    """List the last jobs of each queue that has fewer tasks than jobs.

    A job counts only once its task must have been enqueued.
    """
    found: list[Job] = []
    for name, kinds in QUEUE_KINDS.items():
        queued = Job.queued(Job.kind.in_(kinds)).order_by(Job.priority.desc(), Job.created_at)
        settled = [job for job in queued if not _is_new(job)]
        found += settled[queue_sizes[name] :]
    return found


def is_lease_expired(job: Job) -> bool:
    """True if a running job's lease has expired.

    A heartbeat in the future was written before the clock was set back and counts as expired.
    """
    return job.state == State.IN_PROGRESS and abs(time.time() - (job.heartbeat_at or 0)) > LEASE_S


def _is_new(job: Job) -> bool:
    return job.heartbeat_at is None and abs(time.time() - job.created_at) < ENQUEUE_GRACE_S


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
    with exclusive_transaction(job):  # the worker may have reported since; lock it out until we commit
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
    heartbeats = {job.id: job.heartbeat_at for job in running if is_lease_expired(job)}
    if not heartbeats:
        return []
    time.sleep(RECHECK_DELAY_S)
    rechecked = running.where(Job.id.in_(list(heartbeats)))
    return [job for job in rechecked if job.heartbeat_at == heartbeats[job.id]]


def _enqueue_jobs_without_task(
    queue_sizes: Callable[[], Mapping[str, int]], enqueue: Callable[[Job], object]
) -> int:
    """Enqueue the queued jobs that have no task because the process that created or ran them died."""
    jobs = find_jobs_without_task(queue_sizes())
    for job in jobs:
        enqueue(job)
    return len(jobs)

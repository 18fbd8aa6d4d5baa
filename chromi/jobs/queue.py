"""The job queue: Huey hands a job's id to a worker, which runs the job.

Huey deletes a task when it hands it out, so nothing relies on the queue. A task may be lost or delivered
twice; the lease and the conditional transitions of the job's row still guarantee a single result.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from huey import crontab

from chromi import log, memory_profile
from chromi.config import Settings
from chromi.db import Job, database, open_database
from chromi.errors import ServiceUnhealthy
from chromi.jobs.cleanup import run_cleanup
from chromi.jobs.heartbeat import start_heartbeat
from chromi.jobs.queue_messages import CLEANUP, RUN_JOB, JsonHuey
from chromi.jobs.runner import run_job, worker_id
from chromi.jobs.webhook_delivery import start_webhooks
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Queue:
    """Huey, and the only way to enqueue a job."""

    huey: JsonHuey
    enqueue: Callable[[str], object]
    """Hand a job's id to the workers. With `immediate`, the job runs before this returns."""

    def waiting_ids(self) -> set[str]:
        """Return the ids of the jobs that have a task in the queue."""
        return {task.args[0] for task in self.huey.pending() if task.args}

    def size(self) -> int:
        """Return the number of waiting tasks, including the cleanup."""
        return int(self.huey.pending_count())


def open_service(settings: Settings, *, immediate: bool = False) -> tuple[Storage, Queue]:
    """Open what the server, worker and command line share: the media folder, the database and the queue.

    Raises ServiceUnhealthy if one of the databases cannot be used.
    """
    if settings.tracemalloc:
        memory_profile.start()
    storage = Storage(settings.instance)
    storage.create_folders()
    open_database(settings.instance)
    try:
        return storage, create_queue(settings, storage, immediate=immediate)
    except sqlite3.OperationalError:
        raise  # locked or out of disk space, which is temporary
    except sqlite3.DatabaseError as error:
        path = settings.instance / "queue.db"
        raise ServiceUnhealthy(
            f"The queue {path} is damaged ({error}). Stop Chromi, delete it and its -wal and -shm, "
            "and start again: the queue is rebuilt from the jobs."
        ) from error


def create_queue(settings: Settings, storage: Storage, *, immediate: bool) -> Queue:
    """Create the queue in `queue.db`, with its tasks and the hooks that run when a worker starts.

    Task results are not stored, because they are in the job's row. A task is on disk when `enqueue` returns.
    """
    huey = JsonHuey(
        filename=str(settings.instance / "queue.db"),
        fsync=True,
        results=False,
        immediate=immediate,
        immediate_use_memory=False,
    )

    def run_queued_job(job_id: str) -> None:
        with log.bound_context(job_id=job_id), database.connection_context():
            try:
                is_queued_again = run_job(job_id, settings, storage)
                _log_end(job_id)
            except KeyboardInterrupt:
                # The consumer is stopping and has released the job. The next consumer finds it immediately.
                queue.enqueue(job_id)
                raise
        if is_queued_again:
            queue.enqueue(job_id)

    def clean_up() -> None:
        with database.connection_context():
            run_cleanup(settings, storage, queue.waiting_ids(), queue.enqueue)

    run_job_task = huey.task(name=RUN_JOB)(run_queued_job)

    def enqueue(job_id: str) -> object:
        job = Job.get_or_none(Job.id == job_id)
        return job and run_job_task(job_id, priority=job.priority)

    queue = Queue(huey, enqueue)

    # This runs before waiting jobs and is dropped if it is late, because the next one does the same work.
    huey.periodic_task(crontab(), name=CLEANUP, priority=10, expires=50)(clean_up)
    huey.on_startup(name="lock")(lambda: WorkerLocks(storage.workers).hold(worker_id()))
    huey.on_startup(name="heartbeat")(
        lambda: start_heartbeat(worker_id(), storage, queue.waiting_ids, queue.enqueue)
    )
    huey.on_startup(name="webhooks")(lambda: start_webhooks(settings.webhook_secret))
    huey.on_startup(name="cleanup")(clean_up)
    return queue


def _log_end(job_id: str) -> None:
    job = Job.get_or_none(Job.id == job_id)
    if job is None or not job.is_final:
        return
    fields = {"kind": job.kind, "state": job.state, "attempts": job.attempts, "seconds": job.elapsed_s}
    logger.info("job %s: %s", job_id, job.state, extra={"fields": fields})

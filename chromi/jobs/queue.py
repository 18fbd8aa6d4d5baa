"""The job queue: Huey wakes a worker, which takes the next job from the table.

The table is the queue; a task names no job. Huey deletes a task when it hands it out, so nothing relies on
tasks: the recovery replaces a lost one, and a duplicate finds no job. The lease and the conditional
transitions of a job's row guarantee a single result.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from huey import Huey, crontab

from chromi import log, memory_profile
from chromi.config import QUEUES, Settings
from chromi.db import (
    TEMPORARY_ERRORS,
    WORKER_TIMEOUT_S,
    FilesOwner,
    Job,
    database,
    database_connection,
    open_database,
    retry_on_lock,
)
from chromi.errors import ServiceUnhealthy
from chromi.jobs.cleanup import run_cleanup
from chromi.jobs.file_cleanup import remove_copies
from chromi.jobs.heartbeat import start_file_cleanup, start_heartbeat
from chromi.jobs.queue_messages import CLEANUP, RUN_JOB, InvalidMessage, JsonSerializer
from chromi.jobs.queue_storage import QueueStorage, QueueUnavailable
from chromi.jobs.recovery import QUEUE_KINDS, queue_of
from chromi.jobs.runner import run_job, worker_id
from chromi.jobs.webhook_delivery import start_webhooks
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)


class JobHuey(Huey):  # type: ignore[misc]  # Huey ships no types
    """Huey with JSON messages and several queues. Invalid messages are dropped with a warning."""

    storage: QueueStorage
    _is_unavailable = False
    """Whether the last attempt to read a message failed, so that an outage is logged once."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            "chromi",
            serializer=JsonSerializer(),
            results=False,
            storage_class=QueueStorage,
            settings=settings,
        )

    def dequeue(self) -> Any:
        """Return the next task, or None if there is none or the queue is unavailable."""
        while (data := self._dequeue_message()) is not None:
            try:
                return self.deserialize_task(data)
            except InvalidMessage as error:
                logger.warning("dropped an invalid message from the queue: %s", error)
        return None

    def _dequeue_message(self) -> bytes | None:
        try:
            message = self.storage.dequeue()
        except QueueUnavailable as error:
            if not self._is_unavailable:
                logger.warning("%s Waiting for it.", error)
            self._is_unavailable = True
            return None
        self._is_unavailable = False
        return message


@dataclass(frozen=True)
class Queue:
    """Huey, and the only way to enqueue a job."""

    huey: JobHuey
    enqueue: Callable[[Job], object]
    """Wake a worker for a queued job, or leave that to the recovery if the queue is unavailable.

    With `CHROMI_INLINE`, the job runs before this returns.
    """

    def sizes(self) -> Mapping[str, int]:
        """Return the number of waiting tasks in each queue. Raises QueueUnavailable."""
        return {name: self.huey.storage.size_of(name) for name in QUEUES}

    def size(self) -> int:
        """Return the number of waiting tasks in all queues. Raises QueueUnavailable."""
        return sum(self.sizes().values())


def open_service(settings: Settings) -> tuple[Storage, Queue]:
    """Open what the server, worker and command line share: the media folder, the database and the queue.

    Raises ServiceUnhealthy if one of the databases cannot be used, or if the files are on another machine.
    """
    if settings.tracemalloc:
        memory_profile.start()
    storage = Storage(settings.instance, settings.storage_url)
    storage.create_folders()
    open_database(settings.instance, settings.database_url)
    claim_files(settings, storage)
    path = settings.instance / "queue.db"
    try:
        return storage, create_queue(settings, storage)
    except sqlite3.OperationalError as error:  # locked, read-only or out of disk space
        raise ServiceUnhealthy(f"The queue {path} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise ServiceUnhealthy(
            f"The queue {path} is damaged ({error}). Stop Chromi, delete it and its -wal and -shm, "
            "and start again: the queue is rebuilt from the jobs."
        ) from error


def claim_files(settings: Settings, storage: Storage) -> None:
    """Raise ServiceUnhealthy if another machine uses the same database and keeps the files."""
    if not settings.database_url or settings.storage_url:
        return
    try:
        with database_connection():
            is_ours = FilesOwner.claim(storage.node)
    finally:
        database.close_all()  # processes that are forked later must not share a connection
    if not is_ours:
        raise ServiceUnhealthy(
            "Another machine uses this database and keeps the files. To use several machines, set "
            "CHROMI_STORAGE_URL on all of them. If the other one has just stopped, try again in "
            f"{WORKER_TIMEOUT_S} s."
        )


def create_queue(settings: Settings, storage: Storage) -> Queue:
    """Create the queue with its tasks and the hooks that run when a worker starts."""
    huey = JobHuey(settings)
    kinds = [kind for name in settings.queues for kind in QUEUE_KINDS[name]]

    @_with_database
    def run_next_job() -> None:
        if not _has_space(storage):
            logger.warning("the disk is nearly full, jobs are left to other machines")
            return
        job = retry_on_lock(lambda: Job.claim_next(kinds, worker_id()))
        if job and _run(job, settings, storage, queue):
            queue.enqueue(job)

    @_with_database
    def clean_up() -> None:
        run_cleanup(settings, storage, queue.sizes, queue.enqueue)

    run_job_task = huey.task(name=RUN_JOB)(run_next_job)

    def enqueue(job: Job) -> None:
        try:
            huey.storage.enqueue_to(queue_of(job), huey.serialize_task(run_job_task.s()))
        except QueueUnavailable as error:
            logger.warning("job %s: could not enqueue, left to the cleanup: %s", job.id, error)

    def run_inline(job: Job) -> None:
        while claimed := Job.claim(job.id, worker_id()):
            _run(claimed, settings, storage, queue)

    queue = Queue(huey, run_inline if settings.inline else enqueue)
    _register_startup_hooks(queue, settings, storage)
    if settings.runs_scheduler:
        # A late cleanup is dropped, because the next one does the same work.
        huey.periodic_task(crontab(), name=CLEANUP, expires=50)(clean_up)
        huey.on_startup(name="cleanup")(clean_up)
    return queue


def _register_startup_hooks(queue: Queue, settings: Settings, storage: Storage) -> None:
    """Register the threads that each worker starts, and the lock that it holds while it is alive."""
    on_startup = queue.huey.on_startup
    on_startup(name="lock")(lambda: WorkerLocks(storage.workers).hold(worker_id()))
    on_startup(name="heartbeat")(
        lambda: start_heartbeat(worker_id(), settings.queues, storage, queue.sizes, queue.enqueue)
    )
    on_startup(name="webhooks")(lambda: start_webhooks(settings.webhook_secret))
    on_startup(name="file-cleanup")(lambda: start_file_cleanup(storage))


def _has_space(storage: Storage) -> bool:
    """Return whether this machine may take jobs. Without a bucket, no other machine could take them."""
    remove_copies(storage)
    return storage.bucket is None or not storage.is_low()


def _with_database(run: Callable[[], None]) -> Callable[[], None]:
    """Give a task a connection. If the database is unavailable, log that: the recovery does what was left."""

    @wraps(run)
    def run_with_connection() -> None:
        try:
            with database_connection():
                run()
        except TEMPORARY_ERRORS as error:
            logger.warning("task %s: the database is unavailable: %s", run.__name__, error)

    return run_with_connection


def _run(job: Job, settings: Settings, storage: Storage, queue: Queue) -> bool:
    """Run a claimed job and log its end. Return True if it was put back into the queue."""
    with log.bound_context(job_id=job.id):
        try:
            is_queued_again = run_job(job, settings, storage)
        except KeyboardInterrupt:
            # The consumer is stopping and has released the job. The next consumer finds it immediately.
            queue.enqueue(job)
            raise
        _log_end(job)
        return is_queued_again


def _log_end(claimed: Job) -> None:
    job = Job.get_or_none(Job.id == claimed.id)
    if job is None or not job.is_final:
        return
    fields = {"kind": job.kind, "state": job.state, "attempts": job.attempts, "seconds": job.elapsed_s}
    logger.info("job %s: %s", job.id, job.state, extra={"fields": fields})

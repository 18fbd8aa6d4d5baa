"""The queue: Huey carries a job's id to a worker, which does the job and keeps the row true.

Huey deletes a task as it hands it out, so nothing here relies on it: a task may be lost, or arrive twice,
and the row's lease and conditional transitions still give one result.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from huey import crontab
from peewee import DatabaseError

from chromi import log, memory_profile
from chromi.config import Settings
from chromi.db import Job, Worker, database, open_database
from chromi.errors import ServiceUnhealthy
from chromi.jobs import cleanup
from chromi.jobs.runner import run_job, worker_id
from chromi.jobs.serializer import CLEANUP, CONVERT, JobQueue
from chromi.storage import Storage
from chromi.storage.worker_locks import WorkerLocks

logger = logging.getLogger(__name__)

BEAT_INTERVAL_S = 5.0


@dataclass(frozen=True)
class Queue:
    """Huey, and the ways in."""

    huey: JobQueue
    enqueue: Callable[[str], object]
    """Hand a job's id to the workers; with `immediate` it runs before this returns."""

    def waiting_ids(self) -> set[str]:
        """The jobs whose task lies in the queue."""
        return {task.args[0] for task in self.huey.pending() if task.args}

    def size(self) -> int:
        """How many tasks wait, the sweep included."""
        return int(self.huey.pending_count())


def open_service(settings: Settings, *, immediate: bool = False) -> tuple[Storage, Queue]:
    """Open what server, worker and command line share: the media folder, the rows, the queue.

    Raises ServiceUnhealthy when a database cannot be used.
    """
    if settings.tracemalloc:
        memory_profile.trace()
    storage = Storage(settings.instance)
    storage.create_folders()
    open_database(settings.instance)
    try:
        return storage, create_queue(settings, storage, immediate=immediate)
    except sqlite3.OperationalError:
        raise  # locked, or no room: that passes
    except sqlite3.DatabaseError as error:
        path = settings.instance / "queue.db"
        raise ServiceUnhealthy(
            f"The queue {path} is damaged ({error}). Stop Chromi, remove it with its -wal and -shm, and "
            "start: it is made again from the rows."
        ) from error


def create_queue(settings: Settings, storage: Storage, *, immediate: bool) -> Queue:
    """Make the queue on `queue.db`, with its tasks and the worker's hooks.

    Results are never kept (the row is the truth), and an enqueued task is on disk when `enqueue` returns.
    """
    huey = JobQueue(
        filename=str(settings.instance / "queue.db"),
        fsync=True,
        results=False,
        immediate=immediate,
        immediate_use_memory=False,
    )

    def convert_job(job_id: str) -> None:
        with log.bound_context(job_id=job_id), database.connection_context():
            try:
                is_queued_again = run_job(job_id, settings, storage)
                _log_end(job_id)
            except KeyboardInterrupt:
                # The consumer is ending and the job was released: the next one finds it at once.
                queue.enqueue(job_id)
                raise
        if is_queued_again:
            queue.enqueue(job_id)

    def run_cleanup() -> None:
        with database.connection_context():
            cleanup.run_cleanup(settings, storage, queue.waiting_ids(), queue.enqueue)

    convert = huey.task(name=CONVERT)(convert_job)

    def enqueue(job_id: str) -> object:
        job = Job.get_or_none(Job.id == job_id)
        return job and convert(job_id, priority=job.priority)

    queue = Queue(huey, enqueue)

    # Ahead of waiting jobs, and dropped if it comes too late: the next one does the same work.
    huey.periodic_task(crontab(), name=CLEANUP, priority=10, expires=50)(run_cleanup)
    huey.on_startup(name="lock")(lambda: WorkerLocks(storage.workers).hold(worker_id()))
    huey.on_startup(name="heartbeat")(lambda: start_heartbeat(storage, queue))
    huey.on_startup(name="cleanup")(run_cleanup)
    return queue


def _log_end(job_id: str) -> None:
    job = Job.get_or_none(Job.id == job_id)
    if job is None or not job.is_final:
        return
    facts = {"kind": job.kind, "state": job.state, "attempts": job.attempts, "seconds": job.elapsed_s}
    logger.info("job %s: %s", job_id, job.state, extra={"facts": facts})


def start_heartbeat(storage: Storage, queue: Queue) -> None:
    """Start the worker's thread that beats, and looks for lost jobs, every few seconds."""

    def run() -> None:
        while True:
            beat(storage)
            time.sleep(BEAT_INTERVAL_S)
            recover(storage, queue)

    threading.Thread(target=run, name="heartbeat", daemon=True).start()


def beat(storage: Storage) -> None:
    """Say that this worker is alive; where that cannot be written because the disk is full, make room."""
    try:
        with database.connection_context():
            if storage.is_full():
                cleanup.free_disk_space(storage)
            Worker.beat(worker_id())
    except (DatabaseError, OSError) as error:
        logger.warning("heartbeat not written: %s", error)


def recover(storage: Storage, queue: Queue) -> None:
    """Take up again the jobs of workers that are gone."""
    try:
        with database.connection_context():
            cleanup.recover_jobs(storage, queue.waiting_ids(), queue.enqueue)
    except (DatabaseError, sqlite3.Error, OSError) as error:
        logger.warning("lost jobs not looked for: %s", error)

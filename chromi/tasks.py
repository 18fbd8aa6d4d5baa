"""The queue: Huey carries a job's id to a worker, which does the job and keeps the row true.

Huey deletes a task as it hands it out, so nothing here relies on it: a task may be lost, or arrive twice,
and the row's lease and conditional transitions still give one result.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huey import SqliteHuey, crontab
from peewee import DatabaseError, OperationalError

from chromi import logs, memory, sweep
from chromi.config import Settings
from chromi.encoder import Result, convert, estimate, find_loops, make_preview
from chromi.encoder.errors import ConverterKilled, Stopped
from chromi.errors import ChromiError, Unwell
from chromi.models import (
    MAX_ATTEMPTS,
    Job,
    JobKind,
    Lease,
    Link,
    Worker,
    database,
    open_database,
    patiently,
)
from chromi.storage import Storage

log = logging.getLogger(__name__)

BEAT_INTERVAL_S = 5.0


@dataclass(frozen=True)
class Queue:
    """Huey, and the ways in."""

    huey: SqliteHuey
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

    Raises Unwell when a database cannot be used.
    """
    if settings.tracemalloc:
        memory.trace()
    storage = Storage(settings.instance)
    storage.create_folders()
    open_database(settings.instance)
    try:
        return storage, create_queue(settings, storage, immediate=immediate)
    except sqlite3.OperationalError:
        raise  # locked, or no room: that passes
    except sqlite3.DatabaseError as error:
        path = settings.instance / "queue.db"
        raise Unwell(
            f"The queue {path} is damaged ({error}). Stop Chromi, remove it with its -wal and -shm, and "
            "start: it is made again from the rows."
        ) from error


def create_queue(settings: Settings, storage: Storage, *, immediate: bool) -> Queue:
    """Make the queue on `queue.db`, with its tasks and the worker's hooks.

    Results are never kept (the row is the truth), and an enqueued task is on disk when `enqueue` returns.
    """
    huey = SqliteHuey(
        "chromi",
        filename=str(settings.instance / "queue.db"),
        fsync=True,
        results=False,
        immediate=immediate,
        immediate_use_memory=False,
    )

    def convert_job(job_id: str) -> None:
        with logs.about(job_id=job_id), database.connection_context():
            try:
                is_queued_again = run_job(job_id, settings, storage)
                _log_end(job_id)
            except KeyboardInterrupt:
                # The consumer is ending and the job was released: the next one finds it at once.
                queue.enqueue(job_id)
                raise
        if is_queued_again:
            queue.enqueue(job_id)

    def sweep_all() -> None:
        with database.connection_context():
            sweep.sweep_all(settings, storage, queue.waiting_ids(), queue.enqueue)

    queue = Queue(huey, huey.task(name="convert")(convert_job))

    # Ahead of waiting jobs, and dropped if it comes too late: the next one does the same work.
    huey.periodic_task(crontab(), name="sweep", priority=10, expires=50)(sweep_all)
    huey.on_startup(name="heartbeat")(lambda: start_heartbeat(storage))
    huey.on_startup(name="sweep")(sweep_all)
    return queue


def run_job(job_id: str, settings: Settings, storage: Storage) -> bool:
    """Do one queued job, whatever happens ending in a state that its page can show.

    True when it is queued again and has to be enqueued.
    """
    job = patiently(lambda: Job.claim(job_id, worker_id()))
    if job is None:
        log.info("job %s is not queued any more", job_id)
        return False
    try:
        storage.remove_attempts(job.id)
        with Lease(job, guarded=not settings.inline) as lease:
            end = _do(job, lease, settings, storage)
        patiently(end)  # without the guard: what is done waits as long as it must
    except Stopped:
        log.info("job %s was stopped", job_id)
    except ConverterKilled as error:
        log.warning("job %s: attempt %d: %s", job_id, job.attempts, error)
        if job.attempts < MAX_ATTEMPTS:
            return patiently(job.release)
        _fail(job, error)
    except ChromiError as error:
        log.warning("job %s failed: %s", job_id, error)
        _fail(job, error)
    except KeyboardInterrupt:
        job.release(uncounted=True)
        raise
    except OperationalError as error:
        log.error("job %s: its row cannot be written, so the sweep takes it up again: %s", job_id, error)
    except Exception:
        log.exception("job %s failed unexpectedly", job_id)
        _fail(job, ChromiError())
    finally:
        sweep.after_job(job, storage)
        memory.note("after the job")
    return False


def _fail(job: Job, error: ChromiError) -> None:
    patiently(lambda: job.fail(error))


def _log_end(job_id: str) -> None:
    job = Job.get_or_none(Job.id == job_id)
    if job is None or not job.is_final:
        return
    facts = {"kind": job.kind, "state": job.state, "attempts": job.attempts, "seconds": job.elapsed_s}
    log.info("job %s: %s", job_id, job.state, extra={"facts": facts})


End = Callable[[], bool]
"""Writes what the work has come to; False when the job is not this worker's any more."""


def _do(job: Job, lease: Lease, settings: Settings, storage: Storage) -> End:
    match job.kind:
        case JobKind.ESTIMATE:
            return _estimate(job, lease, storage)
        case JobKind.LOOPS:
            return _find_loops(job, lease, storage)
        case JobKind.PREVIEW:
            return _make_preview(job, lease, storage)
        case _:
            return _convert(job, lease, settings, storage)


def _convert(job: Job, lease: Lease, settings: Settings, storage: Storage) -> End:
    result = convert(
        storage.upload_path(job.upload_id or ""),
        storage.result_path(job.id),
        job.recipe,
        work_dir=storage.attempt_path(job.id, job.attempts),
        frames_path=_frames_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
        poster=storage.source_frame_path(job.id),
    )
    return lambda: _publish(job, result, settings)


def _publish(job: Job, result: Result, settings: Settings) -> bool:
    """End a conversion with its own link."""
    with database.atomic():
        if not job.succeed(result):
            return False
        Link.create(job=job, expires_at=time.time() + settings.link_ttl_s, shared=False)
    return True


def _estimate(job: Job, lease: Lease, storage: Storage) -> End:
    estimates = estimate(
        storage.upload_path(job.upload_id or ""),
        job.recipe,
        work_dir=storage.attempt_path(job.id, job.attempts),
        frames_path=_frames_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
    )
    return lambda: job.succeed_estimating(estimates)


def _find_loops(job: Job, lease: Lease, storage: Storage) -> End:
    """Search windows as long as the clip's part is that the GIF shows."""
    loops = find_loops(
        storage.upload_path(job.upload_id or ""),
        duration_s=job.recipe.duration_s * job.recipe.speed,
        on_tick=lease.tick,
    )
    return lambda: job.succeed_finding(loops)


def _make_preview(job: Job, lease: Lease, storage: Storage) -> End:
    upload_id = job.upload_id or ""
    make_preview(storage.upload_path(upload_id), storage.preview_path(upload_id), on_tick=lease.tick)
    return job.succeed_previewing


def _frames_path(job: Job, storage: Storage) -> Path | None:
    """Say where this job's frames are kept for the next; nowhere for an upload that has no next."""
    if job.upload is None or job.upload.one_shot:
        return None
    path = storage.frames_path(job.upload.id, job.recipe.pictures_key())
    with suppress(FileNotFoundError):
        os.utime(path)  # used last, so kept longest
    return path


def worker_id() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def start_heartbeat(storage: Storage) -> None:
    """Say every few seconds, from a thread of the worker's process, that the worker is alive.

    Where that cannot be written because the disk is full, make room.
    """

    def beat() -> None:
        while True:
            try:
                with database.connection_context():
                    if storage.has_no_room():
                        sweep.make_room(storage)
                    Worker.beat(worker_id())
            except DatabaseError as error:
                log.warning("heartbeat not written: %s", error)
            time.sleep(BEAT_INTERVAL_S)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()

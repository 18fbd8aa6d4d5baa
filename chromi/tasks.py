"""The queue: Huey carries a job's id to a worker, which does the job and keeps the row true.

Huey deletes a task as it hands it out, so nothing here relies on it: a task may be lost, or arrive twice,
and the row's lease and conditional transitions still give one result.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from huey import SqliteHuey, crontab
from peewee import DatabaseError, OperationalError

from chromi import sweep
from chromi.config import Settings
from chromi.encoder import READING, Progress, Result, convert, estimate, find_loops, make_preview
from chromi.encoder.errors import Stopped
from chromi.errors import ChromiError
from chromi.models import Job, JobKind, Link, Worker, database, open_database, patiently
from chromi.storage import Storage

log = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.4
"""Rows are written with a sync to disk, so progress is, too, at most this often."""
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
    """Open what server, worker and command line share: the media folder, the rows, the queue."""
    storage = Storage(settings.instance)
    storage.create_folders()
    open_database(settings.instance)
    return storage, create_queue(settings, storage, immediate=immediate)


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
        with database.connection_context():
            try:
                run_job(job_id, settings, storage)
            except KeyboardInterrupt:
                # The consumer is ending and the job was released: the next one finds it at once.
                queue.enqueue(job_id)
                raise

    def sweep_all() -> None:
        with database.connection_context():
            sweep.sweep_all(settings, storage, queue.waiting_ids(), queue.enqueue)

    queue = Queue(huey, huey.task(name="convert")(convert_job))

    # Ahead of waiting jobs, and dropped if it comes too late: the next one does the same work.
    huey.periodic_task(crontab(), name="sweep", priority=10, expires=50)(sweep_all)
    huey.on_startup(name="heartbeat")(lambda: start_heartbeat(storage))
    huey.on_startup(name="sweep")(sweep_all)
    return queue


def run_job(job_id: str, settings: Settings, storage: Storage) -> None:
    """Do one queued job, whatever happens ending in a state that its page can show."""
    job = patiently(lambda: Job.claim(job_id, worker_id()))
    if job is None:
        log.info("job %s is not queued any more", job_id)
        return
    try:
        match job.kind:
            case JobKind.ESTIMATE:
                _estimate(job, storage)
            case JobKind.LOOPS:
                _find_loops(job, storage)
            case JobKind.PREVIEW:
                _make_preview(job, storage)
            case _:
                _convert(job, settings, storage)
    except Stopped:
        log.info("job %s was stopped", job_id)
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


def _fail(job: Job, error: ChromiError) -> None:
    patiently(lambda: job.fail(error))


def _convert(job: Job, settings: Settings, storage: Storage) -> None:
    lease = Lease(job)
    result = convert(
        storage.upload_path(job.upload_id or ""),
        storage.result_path(job.id),
        job.recipe,
        work_dir=storage.work_path(job.id),
        frames_path=_frames_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
        poster=storage.source_frame_path(job.id),
    )
    if not patiently(lambda: _succeed(job, result, settings)):
        storage.remove_result(job.id)


def _succeed(job: Job, result: Result, settings: Settings) -> bool:
    """End a conversion with its own link; False when the job is not this worker's any more."""
    with database.atomic():
        if not job.succeed(result):
            return False
        Link.create(job=job, expires_at=time.time() + settings.link_ttl_s, shared=False)
    return True


def _estimate(job: Job, storage: Storage) -> None:
    lease = Lease(job)
    estimates = estimate(
        storage.upload_path(job.upload_id or ""),
        job.recipe,
        work_dir=storage.work_path(job.id),
        frames_path=_frames_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
    )
    patiently(lambda: job.succeed_estimating(estimates))


def _find_loops(job: Job, storage: Storage) -> None:
    """Search windows as long as the clip's part is that the GIF shows."""
    loops = find_loops(
        storage.upload_path(job.upload_id or ""),
        duration_s=job.recipe.duration_s * job.recipe.speed,
        on_tick=Lease(job).tick,
    )
    patiently(lambda: job.succeed_finding(loops))


def _make_preview(job: Job, storage: Storage) -> None:
    upload_id = job.upload_id or ""
    make_preview(storage.upload_path(upload_id), storage.preview_path(upload_id), on_tick=Lease(job).tick)
    patiently(job.succeed_previewing)


def _frames_path(job: Job, storage: Storage) -> Path | None:
    """Say where this job's frames are kept for the next; nowhere for an upload that has no next."""
    if job.upload is None or job.upload.one_shot:
        return None
    path = storage.frames_path(job.upload.id, job.recipe.pictures_key())
    with suppress(FileNotFoundError):
        os.utime(path)  # used last, so kept longest
    return path


class Lease:
    """Keeps a job's row fresh while it runs, and notices when the job is no longer ours."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lost = False
        self._reported_at = 0.0

    def report(self, progress: Progress) -> None:
        """Write the progress, which renews the lease, unless that was done a moment ago."""
        if time.monotonic() - self._reported_at < REPORT_INTERVAL_S:
            return
        try:
            self._lost = not self._job.report(progress)
        except OperationalError as error:
            # Another process holds the write lock: this beat is missed, the next one may come through.
            log.warning("job %s: progress not written: %s", self._job.id, error)
        self._reported_at = time.monotonic()

    def tick(self, fraction: float) -> None:
        """Report what has one step only; raises Stopped once the job is no longer ours."""
        self.report(Progress("reading", fraction, READING))
        if self._lost:
            raise Stopped

    def is_lost(self) -> bool:
        """True once somebody cancelled the job or took it over."""
        return self._lost


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

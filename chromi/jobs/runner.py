"""One queued job, done from its claim to its end."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from peewee import OperationalError

from chromi import memory_profile
from chromi.config import Settings
from chromi.db import MAX_ATTEMPTS, Job, JobKind, Lease, Link, database, retry_on_lock
from chromi.encoder import ConversionResult, convert, estimate, find_loops, make_preview
from chromi.encoder.encoder_errors import Cancelled, ConverterKilled
from chromi.errors import ChromiError
from chromi.jobs import removal
from chromi.storage import Storage

logger = logging.getLogger(__name__)

End = Callable[[], bool]
"""Writes what the work has come to; False when the job is not this worker's any more."""


def run_job(job_id: str, settings: Settings, storage: Storage) -> bool:
    """Do one queued job, whatever happens ending in a state that its page can show.

    True when it is queued again and has to be enqueued.
    """
    job = retry_on_lock(lambda: Job.claim(job_id, worker_id()))
    if job is None:
        logger.info("job %s is not queued any more", job_id)
        return False
    try:
        storage.remove_attempts(job.id)
        with Lease(job, watchdog=not settings.inline) as lease:
            end = _do(job, lease, settings, storage)
        retry_on_lock(end)  # without the guard: what is done waits as long as it must
    except Cancelled:
        logger.info("job %s was stopped", job_id)
    except ConverterKilled as error:
        logger.warning("job %s: attempt %d: %s", job_id, job.attempts, error)
        if job.attempts < MAX_ATTEMPTS:
            return retry_on_lock(job.release)
        _fail(job, error)
    except ChromiError as error:
        logger.warning("job %s failed: %s", job_id, error)
        _fail(job, error)
    except KeyboardInterrupt:
        job.release(uncounted=True)
        raise
    except OperationalError as error:
        logger.error("job %s: its row cannot be written, so the sweep takes it up again: %s", job_id, error)
    except Exception:
        logger.exception("job %s failed unexpectedly", job_id)
        _fail(job, ChromiError())
    finally:
        removal.after_job(job, storage)
        memory_profile.note("after the job")
    return False


def _fail(job: Job, error: ChromiError) -> None:
    retry_on_lock(lambda: job.fail(error))


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
        job.options,
        work_dir=storage.attempt_path(job.id, job.attempts),
        frame_cache_path=_frames_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
        poster=storage.source_frame_path(job.id),
    )
    return lambda: _publish(job, result, settings)


def _publish(job: Job, result: ConversionResult, settings: Settings) -> bool:
    """End a conversion with its own link."""
    with database.atomic():
        if not job.succeed(result):
            return False
        Link.create(job=job, expires_at=time.time() + settings.link_ttl_s, shared=False)
    return True


def _estimate(job: Job, lease: Lease, storage: Storage) -> End:
    estimates = estimate(
        storage.upload_path(job.upload_id or ""),
        job.options,
        work_dir=storage.attempt_path(job.id, job.attempts),
        frame_cache_path=_frames_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
    )
    return lambda: job.succeed_estimating(estimates)


def _find_loops(job: Job, lease: Lease, storage: Storage) -> End:
    """Search windows as long as the clip's part is that the GIF shows."""
    loops = find_loops(
        storage.upload_path(job.upload_id or ""),
        duration_s=job.options.duration_s * job.options.speed,
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
    path = storage.frame_cache_path(job.upload.id, job.options.frame_cache_key())
    with suppress(FileNotFoundError):
        os.utime(path)  # used last, so kept longest
    return path


def worker_id() -> str:
    """Name this process. Ids of processes are used again, after a restart too; names are not."""
    return _name_process(os.getpid())


@cache
def _name_process(pid: int) -> str:
    return f"{socket.gethostname()}:{secrets.token_hex(4)}:{pid}"

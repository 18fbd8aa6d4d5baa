"""The kinds of jobs: how each is run, what it returns, and how pages show it.

To add a kind, add it to `JobKind`, write its handler, and register it in JOB_TYPES.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

from chromi.config import Settings
from chromi.db import Job, JobKind, Lease, Link
from chromi.encoder import convert, estimate, find_bars, find_loops, make_preview
from chromi.encoder.encoder_errors import Cancelled
from chromi.errors import ChromiError
from chromi.i18n import Message
from chromi.storage import Storage

logger = logging.getLogger(__name__)

MOVING_PREVIEW_TIMEOUT_S = 30.0
STORAGE_RETRY_S = 60.0
"""How long a job waits for a bucket that is unavailable."""

Handler = Callable[[Job, Lease, Storage], Mapping[str, Any]]
"""Runs a job and returns its result: the fields that it adds to the job's JSON."""


class Duplicates(Enum):
    """What to do if a job of the same kind is unfinished for the same upload."""

    REJECT = auto()
    """The request fails with AlreadyRunning if the options are the same; otherwise both jobs run."""
    REPLACE = auto()
    """The earlier job is canceled."""
    REUSE = auto()
    """The earlier job is returned."""


@dataclass(frozen=True)
class JobType:
    """Everything specific to one kind of job."""

    run: Handler
    fragment: str
    """The template that shows the job on the page where it was started."""
    duplicates: Duplicates
    success_title: Message | None = None
    """The page heading of a successful job, or None if the kind has its own result page."""
    on_success: Callable[[Job, Settings], object] = lambda job, settings: None
    """Called in the transaction that records the success."""


def _convert(job: Job, lease: Lease, storage: Storage) -> Mapping[str, Any]:
    gif_path = storage.result_path(job.id)
    result = convert(
        _fetch_clip(job, lease, storage),
        gif_path,
        job.options,
        work_dir=storage.attempt_path(job.id, job.attempts),
        frame_cache_path=_frame_cache_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
        poster=storage.source_frame_path(job.id),
    )
    _make_moving_preview(job, lease, storage)
    storage.publish(*storage.result_files(job.id), on_tick=lease.renew, retry_s=STORAGE_RETRY_S)
    return {"result": result.to_dict(), "estimates": dict(result.estimates)}


def _fetch_clip(job: Job, lease: Lease, storage: Storage) -> Path:
    path = storage.upload_path(job.upload_id or "")
    return storage.fetch(path, lease.renew, retry_s=STORAGE_RETRY_S)


def _make_moving_preview(job: Job, lease: Lease, storage: Storage) -> None:
    """Make the video that a share link's page plays. Without it, the page shows a still image."""
    try:
        make_preview(
            storage.result_path(job.id),
            storage.moving_preview_path(job.id),
            timeout_s=MOVING_PREVIEW_TIMEOUT_S,
            on_tick=lambda fraction: lease.renew(),
        )
    except Cancelled:
        raise
    except ChromiError as error:
        logger.warning("job %s: could not make the moving preview: %s", job.id, error)


def _create_own_link(job: Job, settings: Settings) -> None:
    """Create the link that the result page uses for itself."""
    Link.create(job=job, expires_at=time.time() + settings.link_ttl_s, shared=False)


def _estimate(job: Job, lease: Lease, storage: Storage) -> Mapping[str, Any]:
    upload_id = job.upload_id or ""
    stills_dir = storage.stills_folder(upload_id)
    stills_dir.mkdir(exist_ok=True)
    estimates = estimate(
        _fetch_clip(job, lease, storage),
        job.options,
        work_dir=storage.attempt_path(job.id, job.attempts),
        frame_cache_path=_frame_cache_path(job, storage),
        on_progress=lease.report,
        should_stop=lease.is_lost,
        stills_dir=stills_dir,
    )
    storage.publish(*stills_dir.iterdir(), on_tick=lease.renew, retry_s=STORAGE_RETRY_S)
    return {
        "estimates": {quality: estimated.bytes for quality, estimated in estimates.items()},
        "estimate_details": {quality: estimated.to_dict() for quality, estimated in estimates.items()},
    }


def _find_loops(job: Job, lease: Lease, storage: Storage) -> Mapping[str, Any]:
    """Search for windows as long as the part of the clip that the GIF would show."""
    loops = find_loops(
        _fetch_clip(job, lease, storage),
        duration_s=job.options.duration_s * job.options.speed,
        on_tick=lease.tick,
    )
    return {"loops": [window.to_dict() for window in loops]}


def _find_bars(job: Job, lease: Lease, storage: Storage) -> Mapping[str, Any]:
    found = find_bars(_fetch_clip(job, lease, storage), job.options, on_tick=lambda: lease.tick(0.0))
    return {"content_box": found and found.to_dict()}


def _make_preview(job: Job, lease: Lease, storage: Storage) -> Mapping[str, Any]:
    upload_id = job.upload_id or ""
    path = storage.preview_path(upload_id)
    make_preview(_fetch_clip(job, lease, storage), path, on_tick=lease.tick)
    storage.publish(path, on_tick=lease.renew, retry_s=STORAGE_RETRY_S)
    return {}


def _frame_cache_path(job: Job, storage: Storage) -> Path | None:
    """Return where the job's frames are cached for the next job, or None if the upload cannot have one."""
    if job.upload is None or job.upload.one_shot:
        return None
    path = storage.frame_cache_path(job.upload.id, job.options.frame_cache_key())
    with suppress(FileNotFoundError):
        os.utime(path)  # the cache keeps the most recently used files
    return path


JOB_TYPES = {
    JobKind.CONVERT: JobType(_convert, "_job.html", Duplicates.REJECT, on_success=_create_own_link),
    JobKind.ESTIMATE: JobType(
        _estimate, "_estimates.html", Duplicates.REPLACE, Message("Estimated file sizes")
    ),
    JobKind.LOOPS: JobType(_find_loops, "_loops.html", Duplicates.REPLACE, Message("Seamless loops")),
    JobKind.BARS: JobType(_find_bars, "_bars.html", Duplicates.REUSE, Message("Black bars")),
    JobKind.PREVIEW: JobType(
        _make_preview, "_preview.html", Duplicates.REUSE, Message("The preview is ready")
    ),
}

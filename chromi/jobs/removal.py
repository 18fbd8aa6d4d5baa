"""Remove an upload, a result or cached frames along with everything that belongs to them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from typing import Any

from chromi.admission.quota import byte_quota
from chromi.config import Settings
from chromi.db import FINAL_STATES, TEMPORARY_ERRORS, Job, Link, State, Upload, exclusive_transaction
from chromi.errors import ServiceBusy
from chromi.jobs.queue_storage import QueueUnavailable
from chromi.storage import Storage, size_of

logger = logging.getLogger(__name__)

MAX_CACHED_FRAME_SETS = 4
"""The number of uploads whose frames stay cached, so that the next job need not read the clip. One set takes
about 60 MB at 720p. 10 s of noise at 1080p take 1 GB, which may be the entire volume of a small host."""


def remove_job_leftovers(job: Job, storage: Storage) -> bool:
    """Remove what is no longer needed once a job has ended, and restart its upload's time to live.

    Return False if the upload no longer exists.
    """
    ended = Job.get_or_none(Job.id == job.id, Job.state.in_((State.FAILED, State.CANCELLED)))
    if ended:
        storage.remove_result(job.id)  # it may have been canceled at the moment it was published
    if ended and ended.state == State.FAILED:
        _remove_frames(job.upload_id, storage)  # a power failure may have damaged them: read the clip again
    prune_frame_cache(storage)
    return _release_upload(job.upload_id, storage)


def _release_upload(upload_id: str | None, storage: Storage) -> bool:
    """Restart the upload's time to live, or remove it if it was sent only for the job that just ended."""
    upload = Upload.get_or_none(Upload.id == upload_id)
    if upload is None:
        return False
    unfinished = Job.select(Job.upload).where(Job.upload == upload, Job.state.not_in(FINAL_STATES))
    if upload.one_shot and _delete_upload(upload, storage, Upload.id.not_in(unfinished)):
        return True
    return upload.touch()


def remove_result_if_unneeded(job_id: str, storage: Storage) -> bool:
    """Remove a result and its rows unless a live link needs it, and return whether it was removed.

    The rows go first, in one transaction with the check, so that no link is created in between.
    """
    with exclusive_transaction(Job(id=job_id)):
        needed = Link.select(Link.job).where(Link.live())
        unneeded = (Job.id == job_id) & (Job.state == State.SUCCESS) & Job.id.not_in(needed)
        is_removed = bool(Job.delete().where(unneeded).execute())
    if is_removed:
        storage.remove_result(job_id)
    return is_removed


def remove_upload(upload: Upload, storage: Storage, settings: Settings, *conditions: Any) -> bool:
    """Remove an upload if the conditions still hold, and return whether it was removed.

    The client is refunded the bytes that it was charged for but has not sent, unless another machine has
    received some of them.
    """
    partial_path = storage.partial_upload_path(upload.id)
    is_known = upload.started_at is None or partial_path.exists()
    missing_bytes = max(0, upload.length_bytes - size_of([partial_path]))
    is_removed = _delete_upload(upload, storage, *conditions)
    if is_removed and is_known and missing_bytes and not upload.is_complete:
        byte_quota(settings).charge(upload.client, -missing_bytes)
    return is_removed


def _delete_upload(upload: Upload, storage: Storage, *conditions: Any) -> bool:
    is_deleted = Upload.delete().where(Upload.id == upload.id, *conditions).execute()
    if is_deleted:
        storage.remove(*storage.upload_files(upload.id))
        shutil.rmtree(storage.stills_folder(upload.id), ignore_errors=True)
        _remove_frames(upload.id, storage)
    return bool(is_deleted)


def prune_frame_cache(storage: Storage) -> int:
    """Remove cached frames, except the latest set of the MAX_CACHED_FRAME_SETS most recently used uploads.

    If the disk is nearly full, all sets are removed. A running job keeps its own hard link. Returns the
    number of sets removed.
    """
    slots = 0 if storage.is_low() else MAX_CACHED_FRAME_SETS
    cached = storage.cached_frames()
    owners = Upload.select(Upload.id).where(Upload.id.in_([upload_id for upload_id, _ in cached]))
    uploads = {upload.id for upload in owners}
    removed = 0
    for upload_id, path in cached:
        if upload_id in uploads and slots:
            uploads.remove(upload_id)
            slots -= 1
        else:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _remove_frames(upload_id: str | None, storage: Storage) -> None:
    for owner_id, path in storage.cached_frames():
        if owner_id == upload_id:
            path.unlink(missing_ok=True)


def best_effort(step: Callable[[], int]) -> int:
    """Run a step. If the disk is full, or a server is unavailable or read-only, log that and return 0."""
    try:
        return step()
    except (*TEMPORARY_ERRORS, QueueUnavailable, ServiceBusy, OSError) as error:
        logger.warning("cleanup step failed, will retry in the next cleanup: %s", error)
        return 0

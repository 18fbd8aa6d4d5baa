"""One thing goes with all that belongs to it: an upload, an unfinished one, a result, kept frames."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Any

from peewee import OperationalError

from chromi.admission.quota import byte_quota
from chromi.config import Settings
from chromi.db import FINAL_STATES, Job, Link, PartialUpload, State, Upload
from chromi.storage import Storage, size_of

logger = logging.getLogger(__name__)

MAX_CACHED_FRAME_SETS = 4
"""So many uploads keep their latest frames, to spare the next job the reading. A set takes about 60 MB at
720p, and 10 s of pure noise at 1080p takes 1 GB; a host's volume may have 1 GB in all."""


def after_job(job: Job, storage: Storage) -> None:
    """Remove at once what nothing can need when a job has ended, and start its upload's time to live anew."""
    ended = Job.get_or_none(Job.id == job.id, Job.state.in_((State.FAILED, State.CANCELLED)))
    if ended:
        storage.remove_result(job.id)  # cancelled in the moment it was published
    if ended and ended.state == State.FAILED:
        _remove_frames(job.upload_id, storage)  # a power cut may have damaged them: the next try reads anew
    prune_frame_cache(storage)
    best_effort(lambda: _release_upload(job.upload_id, storage))


def _release_upload(upload_id: str | None, storage: Storage) -> bool:
    """Start its time to live anew, or remove it if it was sent for the one job that has ended."""
    upload = Upload.get_or_none(Upload.id == upload_id)
    if upload is None:
        return False
    unfinished = Job.select(Job.upload).where(Job.upload == upload, Job.state.not_in(FINAL_STATES))
    if upload.one_shot and remove_upload(upload, storage, Upload.id.not_in(unfinished)):
        return True
    return upload.touch()


def remove_result_if_unneeded(job_id: str, storage: Storage) -> bool:
    """Remove a result that no live link needs any more, with its rows."""
    if Link.select().where(Link.job == job_id, Link.live()).exists():
        return False
    storage.remove_result(job_id)
    return bool(Job.delete().where(Job.id == job_id, Job.state == State.SUCCESS).execute())


def remove_partial(partial: PartialUpload, storage: Storage, settings: Settings, *conditions: Any) -> bool:
    """Remove an unfinished upload if it still is one and the conditions hold.

    Its client gets back what it was charged for the bytes that did not come.
    """
    path = storage.partial_path(partial.id)
    removed = PartialUpload.delete().where(PartialUpload.id == partial.id, *conditions).execute()
    if removed:
        missing_bytes = max(0, partial.length_bytes - size_of([path]))
        path.unlink(missing_ok=True)
        byte_quota(settings).charge(partial.client, -missing_bytes)
    return bool(removed)


def remove_upload(upload: Upload, storage: Storage, condition: Any) -> bool:
    removed = Upload.delete().where(Upload.id == upload.id, condition).execute()
    if removed:
        storage.upload_path(upload.id).unlink(missing_ok=True)
        storage.preview_path(upload.id).unlink(missing_ok=True)
        _remove_frames(upload.id, storage)
    return bool(removed)


def prune_frame_cache(storage: Storage) -> int:
    """Keep the latest frames of the MAX_CACHED_FRAME_SETS uploads used last; none when the disk fills up.

    A running job is not harmed: it has a link of its own in its work folder.
    """
    room = 0 if storage.is_low() else MAX_CACHED_FRAME_SETS
    uploads = {upload.id for upload in Upload.select(Upload.id)}
    removed = 0
    for upload_id, path in storage.cached_frames():
        if upload_id in uploads and room:
            uploads.remove(upload_id)
            room -= 1
        else:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _remove_frames(upload_id: str | None, storage: Storage) -> None:
    for owner_id, path in storage.cached_frames():
        if owner_id == upload_id:
            path.unlink(missing_ok=True)


def best_effort(step: Callable[[], int]) -> int:
    """Take a step, and go on to the next should the disk be full or the database locked."""
    try:
        return step()
    except (OperationalError, sqlite3.OperationalError, OSError) as error:
        logger.warning("the next sweep tries again: %s", error)
        return 0

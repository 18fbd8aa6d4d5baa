"""Remove the files that a machine does not need, and those in the bucket that no row names.

This writes no rows, so it also works on a full disk. It reads only the rows of the files that are there, so
its cost does not grow with the number of jobs that other machines have run.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from peewee import chunked

from chromi.db import Job, JobKind, State, Upload
from chromi.storage import Bucket, Storage, files_in

ORPHAN_AGE_S = 600
"""A file without a row is removed once nobody has written to it for this long."""
MIN_COPY_AGE_S = 60
"""How long a copy stays after a job or a request has needed it, so that it is there when it is opened."""
ROWS_PER_QUERY = 500

_BUCKET_KEY = re.compile(
    r"(?:uploads|results)/([0-9a-f]{32})(?:\.[a-z0-9]+|-stills/[a-z]+\.png)?|check-[0-9a-f]{8}"
)
"""Matches the keys of Storage's files, with the id as a group, and the key that Bucket.check() writes."""


def remove_orphans(storage: Storage) -> int:
    """Remove files and folders that no row needs, which a crash may leave behind, and return their number."""
    removed = 0
    for paths in chunked(_list_old_paths(storage), ROWS_PER_QUERY):
        needed = _list_needed_paths(map(_id_of, paths), storage)
        for path in paths:
            if path not in needed:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
                removed += 1
    return removed


def remove_copies(storage: Storage) -> int:
    """If the disk is crowded, remove copies of files in the bucket, and return their number.

    The least recently read ones go first. A copy that is needed again is copied from the bucket again. The
    clips of running jobs stay, because ffmpeg opens them several times.
    """
    if storage.bucket is None or not storage.is_crowded():
        return 0
    copies: list[Path] = []
    for paths in chunked([*files_in(storage.uploads), *files_in(storage.results)], ROWS_PER_QUERY):
        published = _list_published_paths(map(_id_of, paths), storage)
        copies += published.intersection(paths)
    removed = 0
    for path in sorted(copies, key=_read_at):
        if not storage.is_crowded():
            break
        # A job or a request may have needed it since it was listed. A time in the future is not recent: the
        # clock was set back.
        if abs(time.time() - _read_at(path)) > MIN_COPY_AGE_S:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def remove_bucket_orphans(bucket: Bucket, batch: Iterable[tuple[str, float]]) -> int:
    """Remove the files without a row among these keys, which have the times when they were written.

    Keys that Chromi does not use stay, because the bucket may contain other files. Return the number of files
    removed. Raises ServiceBusy.
    """
    old = [_BUCKET_KEY.fullmatch(key) for key, written_at in batch if written_at < time.time() - ORPHAN_AGE_S]
    row_ids = {match[0]: match[1] for match in old if match}
    ids = [row_id for row_id in row_ids.values() if row_id]
    kept = {row.id for model in (Upload, Job) for row in model.select(model.id).where(model.id.in_(ids))}
    orphans = [key for key, row_id in row_ids.items() if row_id not in kept]
    if orphans:
        bucket.delete(orphans, retry_s=0)
    return len(orphans)


def _list_old_paths(storage: Storage) -> list[Path]:
    """List what is in the folders for files and was not written to for ORPHAN_AGE_S.

    Temporary files have no id. They are left by processes that were killed.
    """
    old = []
    for folder in (storage.uploads, storage.work, storage.results, storage.spool):
        for path in folder.iterdir() if folder.exists() else ():
            try:
                is_old = path.stat().st_mtime < time.time() - ORPHAN_AGE_S
            except FileNotFoundError:
                continue  # its owner has just removed it
            if is_old:
                old.append(path)
    return old


def _list_needed_paths(ids: Iterable[str], storage: Storage) -> set[Path]:
    """Return the paths that belong to the uploads and jobs with these ids.

    A running job's result may already exist while its worker is waiting to record it.
    """
    wanted = list(ids)
    needed: set[Path] = set()
    for upload in Upload.select().where(Upload.id.in_(wanted)):
        needed |= {*storage.upload_files(upload.id), storage.stills_folder(upload.id)}
        if upload.is_complete:
            needed.remove(storage.partial_upload_path(upload.id))
    for job in Job.select().where(Job.id.in_(wanted), Job.state.in_((State.IN_PROGRESS, State.SUCCESS))):
        needed |= {*storage.result_files(job.id)}
        if job.state == State.IN_PROGRESS:
            needed.add(storage.attempt_path(job.id, job.attempts))
    return needed


def _list_published_paths(ids: Iterable[str], storage: Storage) -> set[Path]:
    """Return the paths of those uploads and results with these ids that are in the bucket and not in use."""
    wanted = list(ids)
    in_use = Job.select(Job.upload).where(Job.state == State.IN_PROGRESS, Job.upload.is_null(False))
    complete = Upload.select(Upload.id).where(
        Upload.id.in_(wanted), Upload.info_json.is_null(False), Upload.id.not_in(in_use)
    )
    finished = Job.select(Job.id).where(
        Job.id.in_(wanted), Job.state == State.SUCCESS, Job.kind == JobKind.CONVERT
    )
    return {path for upload in complete for path in storage.upload_files(upload.id)} | {
        path for job in finished for path in storage.result_files(job.id)
    }


def _read_at(path: Path) -> float:
    try:
        return path.stat().st_atime
    except FileNotFoundError:
        return 0.0  # another process has just removed it


def _id_of(path: Path) -> str:
    """Return the id in `uploads/ID`, `uploads/ID-stills/best.png`, `results/ID.gif` and the like."""
    name = path.parent.name if path.parent.name.endswith("-stills") else path.name
    return re.split(r"[.-]", name)[0]

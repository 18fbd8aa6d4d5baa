"""Submit jobs: check admission, find duplicates, create the row and enqueue the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chromi.db import Batch, Job, JobKind, Upload, exclusive_transaction
from chromi.encoder import ConversionOptions
from chromi.errors import AlreadyRunning, ClipNotFound
from chromi.jobs.handlers import JOB_TYPES, Duplicates
from chromi.storage import new_id
from chromi.web.http.client_identity import identify_client
from chromi.web.services import services


def submit_job(upload: Upload, options: ConversionOptions, kind: JobKind, job_id: str | None = None) -> Job:
    """Create a job and enqueue it, or return an unfinished duplicate, depending on JobType.duplicates.

    A new job gets the id `job_id`, or else a random one.

    Raises AlreadyRunning, QueueFull, DiskFull, RateLimited, and NotFound if the upload was just removed. They
    cancel no other job.
    """
    with exclusive_transaction(upload):  # if two requests are identical, the second sees the first one's row
        unfinished = Job.list_unfinished(upload, kind)
        match JOB_TYPES[kind].duplicates:
            case Duplicates.REJECT:
                _check_duplicates(unfinished, options)
                _cancel_competing_jobs(upload, options)
            case Duplicates.REPLACE:
                for job in unfinished:
                    Job.cancel(job.id)
            case Duplicates.REUSE if unfinished:
                return unfinished[0]
        job = _create_job(upload, options, kind, id=job_id or new_id())
    services().queue.enqueue(job)
    return job


def submit_batch(items: Sequence[tuple[Upload, ConversionOptions]], batch_id: str) -> Batch:
    """Create a conversion for each clip and its options, and enqueue all of them, or none.

    Raises AlreadyRunning, BadOptions, QueueFull, DiskFull, RateLimited and NotFound. They charge nothing.
    """
    services().admission.check_batch_size(identify_client(), len(items))
    uploads = {upload.id: upload for upload, _ in items}
    # In the same order in every request; otherwise, two of them may wait for each other.
    with exclusive_transaction(*(uploads[upload_id] for upload_id in sorted(uploads))):
        batch = Batch.create(id=batch_id)
        jobs = []
        for position, (upload, options) in enumerate(items):
            _check_duplicates(Job.list_unfinished(upload, JobKind.CONVERT), options)
            place = {"batch_id": batch.id, "batch_position": position}
            jobs.append(_create_job(upload, options, JobKind.CONVERT, **place))
    for job in jobs:
        services().queue.enqueue(job)
    return batch


def _check_duplicates(unfinished: list[Job], options: ConversionOptions) -> None:
    """Raise AlreadyRunning if one of the jobs has the same options."""
    for job in unfinished:
        if job.options == options:
            raise AlreadyRunning(job.id)


def _cancel_competing_jobs(upload: Upload, options: ConversionOptions) -> None:
    """Cancel jobs that would delay a conversion, except an estimate that extracts the same frames."""
    for job in Job.list_unfinished(upload, JobKind.ESTIMATE, JobKind.LOOPS, JobKind.BARS, JobKind.PREVIEW):
        shares_frames = job.options.frame_cache_key() == options.frame_cache_key()
        if job.kind != JobKind.ESTIMATE or not shares_frames:
            Job.cancel(job.id)


def _create_job(upload: Upload, options: ConversionOptions, kind: JobKind, **fields: Any) -> Job:
    """Create a job with these further fields. Raises NotFound and the errors of `admit_job`."""
    admission, client = services().admission, identify_client()
    admission.admit_job(client, kind)
    if not upload.touch():
        raise ClipNotFound
    return Job.create(
        **fields,
        upload=upload,
        kind=kind,
        options_json=options.to_dict(),
        client=client,
        priority=admission.priority_for(client, kind),
    )

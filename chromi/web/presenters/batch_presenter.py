"""Prepare batches for JSON."""

from __future__ import annotations

from typing import Any

from flask import url_for

from chromi.db import Batch
from chromi.web.presenters.job_presenter import batch_job_json


def batch_enqueued_json(batch: Batch) -> dict[str, Any]:
    """Return the JSON that tells a program where to poll the batch it started."""
    return {
        "enqueued": True,
        "batch_id": batch.id,
        "status": "queued",
        "status_url": url_for("batches.show", batch_id=batch.id),
        "job_ids": [job.id for job in batch.list_jobs()],
    }


def batch_json(batch: Batch) -> dict[str, Any]:
    """Return the batch's JSON with that of each job. `zip_url` is null while there is no ZIP."""
    jobs = [batch_job_json(job) for job in batch.list_jobs()]
    has_zip = batch.is_final and any(job["converted_url"] for job in jobs)
    return {
        "batch_id": batch.id,
        "status": batch.state,
        "jobs": jobs,
        "zip_url": url_for("batches.download", batch_id=batch.id) if has_zip else None,
    }

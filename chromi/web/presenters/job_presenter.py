"""Prepare jobs for pages and JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Flask, url_for

from chromi.db import Job, JobKind, State, Worker
from chromi.jobs.handlers import JOB_TYPES
from chromi.jobs.recovery import queue_of
from chromi.web.http.translation import translate
from chromi.web.presenters.estimate_presenter import quality_cards
from chromi.web.presenters.link_presenter import download_url, find_own_link, own_url, result_page_links
from chromi.web.presenters.studio_presenter import studio_defaults
from chromi.web.presenters.upload_presenter import video_url
from chromi.web.services import services


def init_app(app: Flask) -> None:
    app.jinja_env.tests["waiting_without_worker"] = is_waiting_without_worker


def job_json(job: Job) -> dict[str, Any]:
    """Return the job's JSON. Raises Gone if its result has expired."""
    return {**_job_members(job), "converted_url": own_url(job) if job.has_background else None}


def batch_job_json(job: Job) -> dict[str, Any]:
    """Return the JSON of a job of a batch. `converted_url` is also null if the job's result has expired."""
    own = find_own_link(job) if job.has_background else None
    return {**_job_members(job), "converted_url": own and download_url(own)}


def _job_members(job: Job) -> dict[str, Any]:
    """Return the members of a job's JSON that do not depend on its link.

    `status`, `state` and `raw_state` are identical, because clients expect any of them.
    """
    error = {"code": job.error_code, "message": translate(job.error or "")} if job.error_code else None
    return {
        "job_id": job.id,
        "kind": job.kind,
        "status": job.state,
        "state": job.state,
        "raw_state": job.state,
        "recipe": job.options.to_options(),
        "progress": {
            "step": job.step,
            "progress": round(job.progress, 3),
            "message": translate(job.shown_message),
        },
        "queue_position": job.queue_position if job.state == State.QUEUED else None,
        "elapsed_s": _round(job.elapsed_s),
        "eta_s": _round(job.eta_s),
        **{"estimates": None, "loops": None, "result": None, **(job.result_json or {})},
        "error": error,
    }


def enqueued_json(job: Job) -> dict[str, Any]:
    """Return the JSON that tells a program where to poll the job it started."""
    return {
        "enqueued": True,
        "job_id": job.id,
        "status": State.QUEUED,
        "async": True,
        "status_url": url_for("jobs.show", job_id=job.id),
    }


def job_page(job: Job) -> dict[str, Any]:
    """Return the context of job.html and of the fragments that show a job."""
    return {
        "job": job,
        "job_type": JOB_TYPES[JobKind(job.kind)],
        "studio_url": _studio_url(job),
        "preview_url": _preview_url(job),
        "loop_url": _loop_url(job),
        "earlier_url": _earlier_url(job),
        "cards": quality_cards(job),
        **result_page_links(job),
    }


def is_waiting_without_worker(job: Job) -> bool:
    """True for a queued job if no worker of its queue is alive."""
    return job.state == State.QUEUED and not Worker.is_any_alive(queue_of(job))


def _studio_url(job: Job) -> str | None:
    """Return the studio URL with the job's options, or None if its clip has been deleted."""
    if job.upload is None:
        return None
    defaults = studio_defaults(job.upload)
    chosen = {name: text for name, text in job.options.to_form().items() if text != defaults[name]}
    address = url_for("studio.show", upload_id=job.upload_id)
    return f"{address}?{urlencode({'start_time': job.start_time, **chosen}, safe=':,')}"


def _loop_url(job: Job) -> str | None:
    """Return the URL of a video with the loop that is being made, or None if there is none."""
    if job.kind != JobKind.CONVERT or job.is_final or job.upload is None:
        return None
    if services().storage.is_available(services().storage.preview_path(job.upload.id)):
        return url_for("clip_analysis.preview", upload_id=job.upload.id)
    is_gif = job.upload.complete_info().container == "gif"
    return None if is_gif else video_url(job.upload)


def _earlier_url(job: Job) -> str | None:
    """Return the page of the clip's newest background if the job that was to make another was canceled."""
    if job.kind != JobKind.CONVERT or job.state != State.CANCELLED or job.upload is None:
        return None
    earlier = Job.find_newest_background(job.upload)
    return url_for("jobs.show", job_id=earlier.id) if earlier and find_own_link(earlier) else None


def _preview_url(job: Job) -> str | None:
    """Return the URL of the preview that the job made, or None for other jobs and before it succeeds."""
    if job.kind != JobKind.PREVIEW or job.state != State.SUCCESS or job.upload_id is None:
        return None
    return url_for("clip_analysis.preview", upload_id=job.upload_id)


def _round(duration_s: float | None) -> float | None:
    return None if duration_s is None else round(duration_s, 1)

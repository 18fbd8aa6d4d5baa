"""A conversion's page: start it, watch it, cancel it, as page, fragment or JSON."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Flask,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from chromi.db import FINAL_STATES, Job, JobKind, State, Upload, Worker, database
from chromi.encoder import OPTIONS, ConversionOptions
from chromi.errors import AlreadyRunning, Conflict, NotFound, error_from_code
from chromi.i18n import Message
from chromi.jobs import removal
from chromi.web.http.negotiation import negotiate_format, redirect_to
from chromi.web.http.translation import say
from chromi.web.services import services
from chromi.web.views import downloads, result_images

logger = logging.getLogger(__name__)
bp = Blueprint("jobs", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.register_error_handler(AlreadyRunning, answer_running)
    app.jinja_env.tests["waiting_for_nobody"] = waits_for_nobody


@bp.get("/jobs/<job_id>/", strict_slashes=False)
def show(job_id: str) -> Response:
    job = Job.find(job_id)
    if negotiate_format() == "json":
        return jsonify(job_body(job))
    return make_response(render_template("job.html", **job_context(job)))


@bp.get("/jobs/<job_id>/status")
def status(job_id: str) -> str:
    return render_template("_job.html", **job_context(Job.find(job_id)))


@bp.get("/jobs/<job_id>/estimates")
def estimates(job_id: str) -> str:
    """The sizes to expect, for the studio that asked for them."""
    return render_template("_estimates.html", job=Job.find(job_id))


@bp.post("/jobs/<job_id>/cancel", strict_slashes=False)
def cancel(job_id: str) -> Response:
    """Cancel what is not finished; its worker ends ffmpeg when it next looks at the row."""
    if not Job.cancel(job_id) and Job.find(job_id).state != State.CANCELLED:
        raise Conflict(Message("This job has ended already, so it cannot be cancelled."))
    removal.after_job(Job.find(job_id), services().storage)
    job = Job.find(job_id)
    match negotiate_format():
        case "json":
            return make_response(jsonify(job_body(job)), 202)
        case "fragment":
            return make_response(render_template("_job.html", **job_context(job)))
        case "page":
            return make_response(redirect(url_for("jobs.show", job_id=job.id), 303))


def options_from_form(upload: Upload) -> ConversionOptions:
    """Read the options; raises BadOptions naming each that is wrong."""
    options = ConversionOptions.parse(**{name: request.form.get(name, "") for name in OPTIONS})
    options.check_against(upload.info)
    return options


def start_job(upload: Upload, options: ConversionOptions, kind: JobKind = JobKind.CONVERT) -> Job:
    """Start a job.

    Raises AlreadyRunning when the same is being made already, QueueFull or DiskFull when there is no room,
    RateLimited when the client has had its share, and NotFound when the clip was just removed.
    """
    with database.atomic("IMMEDIATE"):  # of two who ask at once, the second sees the first one's row
        job = _new_job(upload, options, kind)
    return _enqueued(job)


def start_only(upload: Upload, options: ConversionOptions, kind: JobKind) -> Job:
    """Start the one job of its kind of this upload: an earlier one that is not done is not wanted now."""
    with database.atomic("IMMEDIATE"):
        for job in unfinished(upload, kind):
            Job.cancel(job.id)
        job = _new_job(upload, options, kind)
    return _enqueued(job)


def start_once(upload: Upload, options: ConversionOptions, kind: JobKind) -> Job:
    """Start the one job of its kind of this upload, or give the one that is not done yet."""
    with database.atomic("IMMEDIATE"):
        running = unfinished(upload, kind)
        if running:
            return running[0]
        job = _new_job(upload, options, kind)
    return _enqueued(job)


def _enqueued(job: Job) -> Job:
    """Hand its id to the queue; should that fail, the sweep does it within a minute."""
    try:
        services().queue.enqueue(job.id)
    except sqlite3.OperationalError as error:
        logger.warning("job %s waits for the sweep: %s", job.id, error)
    return job


def _new_job(upload: Upload, options: ConversionOptions, kind: JobKind) -> Job:
    for running in unfinished(upload, kind):
        if kind == JobKind.CONVERT and running.options == options:
            raise AlreadyRunning(running.id)
    client = services().admission.take_job(request.remote_addr, kind)
    if not upload.touch():
        raise NotFound(Upload.missing_message())
    priority = services().admission.turn_of(client, kind)
    return Job.create(
        upload=upload, kind=kind, options_json=options.to_dict(), client=client, priority=priority
    )


def unfinished(upload: Upload, *kinds: JobKind) -> list[Job]:
    """List the jobs of these kinds that wait or run, oldest first."""
    wanted = (Job.upload == upload, Job.kind.in_(kinds), Job.state.not_in(FINAL_STATES))
    return list(Job.select().where(*wanted).order_by(Job.created_at))


def free_disk_space(upload: Upload, options: ConversionOptions) -> None:
    """Cancel what would keep a conversion waiting; an estimate of the same pictures spares it the reading."""
    for job in unfinished(upload, JobKind.ESTIMATE, JobKind.LOOPS, JobKind.PREVIEW):
        if job.kind != JobKind.ESTIMATE or job.options.frame_cache_key() != options.frame_cache_key():
            Job.cancel(job.id)


def answer_started(job: Job) -> Response:
    """Send a person on to the job's page, and tell a program where to ask."""
    return redirect_to(url_for("jobs.show", job_id=job.id), enqueued_body(job), 202)


def answer_running(running: AlreadyRunning) -> Response:
    """Whoever asks for the same twice gets the job that runs; a program is told that it started none."""
    status_url = url_for("jobs.show", job_id=running.job_id)
    error = {"code": running.code, "message": say(running.user_message)}
    body = {"error": error, "job_id": running.job_id, "status_url": status_url}
    return redirect_to(status_url, body, running.status_code)


def answer_inline(job: Job) -> Response:
    """Answer a conversion that ran inside the request: the link, or the job's own error."""
    job = Job.find(job.id)
    if job.state != State.SUCCESS:
        raise error_from_code(job.error_code, job.error)
    return jsonify(success=True, converted_url=downloads.own_url(job))


def enqueued_body(job: Job) -> dict[str, Any]:
    return {
        "enqueued": True,
        "job_id": job.id,
        "status": State.QUEUED,
        "async": True,
        "status_url": url_for("jobs.show", job_id=job.id),
    }


def job_body(job: Job) -> dict[str, Any]:
    """The job for programs. `status`, `state` and `raw_state` are one word: clients ask for any of them."""
    error = {"code": job.error_code, "message": say(job.error or "")} if job.error_code else None
    return {
        "job_id": job.id,
        "kind": job.kind,
        "status": job.state,
        "state": job.state,
        "raw_state": job.state,
        "recipe": job.options.to_options(),
        "progress": {"step": job.step, "progress": round(job.progress, 3), "message": say(job.shown_message)},
        "queue_position": job.queue_position if job.state == State.QUEUED else None,
        "elapsed_s": _rounded(job.elapsed_s),
        "eta_s": _rounded(job.eta_s),
        "estimates": job.estimates,
        "loops": None if job.loops is None else [window.to_dict() for window in job.loops],
        "result": job.result.to_dict() if job.result else None,
        "converted_url": downloads.own_url(job) if job.has_background else None,
        "error": error,
    }


def job_context(job: Job) -> dict[str, Any]:
    """What job.html and _job.html show."""
    return {
        "job": job,
        "studio_url": _studio_url(job),
        **downloads.result_context(job),
        **result_images.result_context(job),
    }


def _studio_url(job: Job) -> str | None:
    """The way back to the clip with the same options; None once the clip is gone."""
    if job.upload_id is None:
        return None
    usual = ConversionOptions().to_form()
    chosen = {name: text for name, text in job.options.to_form().items() if text != usual[name]}
    address = url_for("uploads.show", upload_id=job.upload_id)
    return f"{address}?{urlencode({'start_time': job.start_time, **chosen}, safe=':,')}"


def waits_for_nobody(job: Job) -> bool:
    """True of a queued job while no worker has given a sign of life for a while."""
    return job.state == State.QUEUED and not Worker.is_any_alive()


def _rounded(duration_s: float | None) -> float | None:
    return None if duration_s is None else round(duration_s, 1)

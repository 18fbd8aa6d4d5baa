"""Receive clips: the start page, the upload form, and the one-request API."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Flask, Response, jsonify, make_response, render_template, url_for
from peewee import OperationalError

from chromi.db import Job, JobKind, State, Upload
from chromi.errors import ChromiError, DiskFull, RateLimited, ServiceBusy
from chromi.web.http.error_handlers import render_form_error
from chromi.web.http.negotiation import redirect_or_json
from chromi.web.http.request_errors import IdempotencyKeyInUse
from chromi.web.idempotency import create_once
from chromi.web.presenters.job_presenter import enqueued_json
from chromi.web.presenters.link_presenter import own_url
from chromi.web.presenters.upload_presenter import start_page, upload_json
from chromi.web.services import services
from chromi.web.submission import submit_job
from chromi.web.upload_receiver import UploadRequest, receive_form_upload
from chromi.web.views.jobs import parse_options
from chromi.web.webhook_form import create_webhook, parse_webhook_url

bp = Blueprint("uploads", __name__)

REFUSALS = (RateLimited, ServiceBusy, DiskFull)
"""Errors that a job may get after its clip was probed although it was admitted before."""


def init_app(app: Flask) -> None:
    app.request_class = UploadRequest
    app.register_blueprint(bp)


@bp.get("/")
def index() -> str:
    return render_template("index.html", **start_page())


@bp.post("/uploads/", strict_slashes=False)
def create() -> Response:
    try:
        upload = receive_form_upload()
    except ChromiError as error:
        return render_form_error(error, "index.html", **start_page())
    return redirect_or_json(url_for("studio.show", upload_id=upload.id), upload_json(upload), 201)


@bp.post("/convert/", strict_slashes=False)
def convert() -> Response:
    """Upload and convert in one request. With CHROMI_INLINE, the response contains the result."""
    job = create_once(_start_conversion, lambda job_id: Job.get_or_none(Job.id == job_id))
    if services().settings.inline:
        return _finished_job(job.id)
    return make_response(jsonify(enqueued_json(job)), 202)


def _start_conversion(job_id: str) -> Job:
    """Receive the clip and submit a job with this id."""
    webhook_url = parse_webhook_url()
    upload = receive_form_upload(one_shot=True)
    try:
        create_webhook(webhook_url, job_id, url_for("jobs.show", job_id=job_id))
        return submit_job(upload, parse_options(upload), JobKind.CONVERT, job_id)
    except Exception as error:
        _discard(upload, is_refund=isinstance(error, REFUSALS))
        raise


def _discard(upload: Upload, *, is_refund: bool) -> None:
    """Delete an upload whose job did not start, and refund it if the job was not admitted."""
    storage = services().storage
    storage.remove(storage.upload_path(upload.id))
    with suppress(OperationalError):  # the cleanup will delete the row
        upload.delete_instance()
        if is_refund:
            services().admission.refund_upload(upload.client)


def _finished_job(job_id: str) -> Response:
    """Return the link of a conversion that ran within a request. Raises the job's error."""
    job = Job.find(job_id)
    if not job.is_final:
        raise IdempotencyKeyInUse
    if job.state != State.SUCCESS:
        raise _error_of(job)
    return jsonify(success=True, converted_url=own_url(job))


def _error_of(job: Job) -> ChromiError:
    """Return the error that a failed job recorded by its code and message."""
    classes = {each.code: each for each in _with_subclasses(ChromiError)}
    return classes.get(job.error_code or "", ChromiError)(job.error)


def _with_subclasses(error_class: type[ChromiError]) -> list[type[ChromiError]]:
    return [error_class, *(each for sub in error_class.__subclasses__() for each in _with_subclasses(sub))]

"""Upload a clip: the start page, the upload, the studio, and the one-request API."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Flask, Response, jsonify, make_response, render_template, url_for
from peewee import OperationalError

from chromi.db import Job, JobKind, State, Upload
from chromi.errors import AlreadyRunning, ChromiError
from chromi.web.http.error_handlers import render_form_error
from chromi.web.http.file_response import TrackedFile, send_clip
from chromi.web.http.negotiation import negotiate_format, redirect_or_json
from chromi.web.ingest import UploadRequest, receive_form_upload
from chromi.web.presenters.job_presenter import enqueued_json
from chromi.web.presenters.link_presenter import own_url
from chromi.web.presenters.upload_presenter import start_page, studio_page, unfinished_page, upload_json
from chromi.web.services import services
from chromi.web.submission import cancel_competing_jobs, submit_job
from chromi.web.views.jobs import parse_options, redirect_to_job, render_job_fragment

bp = Blueprint("uploads", __name__)

MEDIA_TYPES = {"mov": "video/mp4", "matroska": "video/webm", "gif": "image/gif"}


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
    return redirect_or_json(url_for("uploads.show", upload_id=upload.id), upload_json(upload), 201)


@bp.get("/uploads/<upload_id>/", strict_slashes=False)
def show(upload_id: str) -> Response:
    """Show the studio. While the upload is incomplete, the page that sends it requests it as a fragment."""
    upload = Upload.find(upload_id)
    if upload.is_complete:
        upload.record_use()  # only received bytes keep an incomplete upload alive
    match negotiate_format():
        case "json":
            return jsonify(upload_json(upload))
        case "fragment":
            return make_response(render_template("_studio.html", **studio_page(upload)))
        case "page" if upload.is_complete:
            return make_response(render_template("studio.html", **studio_page(upload)))
        case "page":
            return make_response(render_template("unfinished.html", **unfinished_page(upload)))


@bp.get("/uploads/<upload_id>/video")
def video(upload_id: str) -> Response:
    """Send the clip itself, for the studio's player."""
    upload = Upload.find_complete(upload_id)
    upload.record_use()
    file = TrackedFile(services().storage.upload_path(upload.id))
    return send_clip(file, MEDIA_TYPES[upload.complete_info().container], etag=upload.id)


@bp.post("/uploads/<upload_id>/jobs/", strict_slashes=False)
def create_job(upload_id: str) -> Response:
    """Start a conversion."""
    upload = Upload.find_complete(upload_id)
    try:
        options = parse_options(upload)
        cancel_competing_jobs(upload, options)
        job = submit_job(upload, options, JobKind.CONVERT)
    except AlreadyRunning:
        raise  # not a mistake that the form could show
    except ChromiError as error:
        return render_form_error(error, "studio.html", **studio_page(upload))
    return redirect_to_job(job)


@bp.post("/uploads/<upload_id>/estimates/", strict_slashes=False)
def create_estimate(upload_id: str) -> Response:
    """Estimate the file size of each quality; the studio polls the job."""
    upload = Upload.find_complete(upload_id)
    try:
        job = submit_job(upload, parse_options(upload), JobKind.ESTIMATE)
    except ChromiError as error:
        return render_form_error(error, "studio.html", **studio_page(upload))
    return render_job_fragment(job, 202) if negotiate_format() == "fragment" else redirect_to_job(job)


@bp.post("/convert/", strict_slashes=False)
def convert() -> Response:
    """Upload and convert in one request; with CHROMI_INLINE, the response has the result."""
    upload = receive_form_upload(one_shot=True)
    try:
        job = submit_job(upload, parse_options(upload), JobKind.CONVERT)
    except Exception:
        services().storage.upload_path(upload.id).unlink(missing_ok=True)
        with suppress(OperationalError):  # the cleanup will delete the row
            upload.delete_instance()
        raise
    if services().settings.inline:
        return _finished_job(job.id)
    return make_response(jsonify(enqueued_json(job)), 202)


def _finished_job(job_id: str) -> Response:
    """Return the link of a conversion that ran inside the request. Raises the job's error."""
    job = Job.find(job_id)
    if job.state != State.SUCCESS:
        raise _error_of(job)
    return jsonify(success=True, converted_url=own_url(job))


def _error_of(job: Job) -> ChromiError:
    """Return the error that a failed job has recorded by its code and message."""
    classes = {each.code: each for each in _with_subclasses(ChromiError)}
    return classes.get(job.error_code or "", ChromiError)(job.error)


def _with_subclasses(error_class: type[ChromiError]) -> list[type[ChromiError]]:
    return [error_class, *(each for sub in error_class.__subclasses__() for each in _with_subclasses(sub))]

"""What the studio asks of the server while a clip is being trimmed: its best loops, a copy that plays."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, make_response, render_template, url_for

from chromi.db import Job, JobKind, State, find_whole_upload
from chromi.encoder import ConversionOptions
from chromi.errors import NotFound
from chromi.i18n import Message
from chromi.web.http.file_response import TrackedFile, send_clip
from chromi.web.http.negotiation import negotiate_format, redirect_to
from chromi.web.services import services
from chromi.web.views import jobs

bp = Blueprint("studio", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/uploads/<upload_id>/loops/", strict_slashes=False)
def create_loops(upload_id: str) -> Response:
    """Search the windows that loop best; the studio watches it in its own page."""
    upload = find_whole_upload(upload_id)
    job = jobs.start_only(upload, jobs.options_from_form(upload), JobKind.LOOPS)
    if negotiate_format() == "fragment":
        return make_response(loops(job.id), 202)
    return jobs.answer_started(job)


@bp.get("/jobs/<job_id>/loops")
def loops(job_id: str) -> str:
    """The windows found, for the studio that asked for them."""
    return render_template("_loops.html", job=Job.find(job_id))


@bp.post("/uploads/<upload_id>/previews/", strict_slashes=False)
def create_preview(upload_id: str) -> Response:
    """Make a copy of the clip that every browser plays, once."""
    upload = find_whole_upload(upload_id)
    is_made = _has_preview(upload.id)
    # A page that was loaded again finds the one that runs already.
    job = None if is_made else jobs.start_once(upload, ConversionOptions(), JobKind.PREVIEW)
    if negotiate_format() == "fragment":
        return make_response(render_template("_preview.html", **_preview_context(job, upload.id)), 202)
    if job is None:
        url = url_for("studio.preview", upload_id=upload.id)
        return redirect_to(url, {"preview_url": url}, 200)
    return jobs.answer_started(job)


@bp.get("/jobs/<job_id>/preview")
def preview_status(job_id: str) -> str:
    """How far the preview is, for the studio that asked for it."""
    job = Job.find(job_id)
    return render_template("_preview.html", **_preview_context(job, job.upload_id))


@bp.get("/uploads/<upload_id>/preview")
def preview(upload_id: str) -> Response:
    """The copy that every browser plays, for the studio's player."""
    upload = find_whole_upload(upload_id)
    if not _has_preview(upload.id):
        raise NotFound(Message("There is no preview of this clip yet."))
    upload.record_use()
    file = TrackedFile(services().storage.preview_path(upload.id))
    return send_clip(file, "video/mp4", etag=f"{upload.id}-preview")


def _has_preview(upload_id: str) -> bool:
    return services().storage.preview_path(upload_id).exists()


def _preview_context(job: Job | None, upload_id: str | None) -> dict[str, Any]:
    """What _preview.html shows; the address once the file is there."""
    job = job and Job.find(job.id)  # without a queue it has run by now
    is_made = upload_id is not None and (job is None or job.state == State.SUCCESS)
    return {
        "job": job,
        "preview_url": url_for("studio.preview", upload_id=upload_id) if is_made else None,
    }

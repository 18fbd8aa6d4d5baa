"""Start jobs that analyze a clip for the studio: file sizes, loops, black bars, and a playable copy."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, make_response, render_template, url_for

from chromi.db import Job, JobKind, Upload
from chromi.encoder import ConversionOptions
from chromi.errors import ChromiError, NotFound
from chromi.i18n import Message
from chromi.web.http.error_handlers import render_form_error
from chromi.web.http.file_response import TrackedFile, send_clip, send_tracked_file
from chromi.web.http.negotiation import negotiate_format, redirect_or_json
from chromi.web.presenters.estimate_presenter import quality_cards
from chromi.web.presenters.job_presenter import job_page
from chromi.web.presenters.studio_presenter import studio_page
from chromi.web.services import services
from chromi.web.submission import submit_job
from chromi.web.views.jobs import parse_options, redirect_to_job, render_job_fragment

bp = Blueprint("clip_analysis", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/uploads/<upload_id>/estimates/", strict_slashes=False)
def create_estimate(upload_id: str) -> Response:
    """Estimate the file size at each quality. The studio polls the job."""
    upload = Upload.find_complete(upload_id)
    try:
        job = submit_job(upload, parse_options(upload), JobKind.ESTIMATE)
    except ChromiError as error:
        return render_form_error(error, "studio.html", **studio_page(upload))
    return _enqueued(job)


@bp.get("/jobs/<job_id>/estimates")
def estimates(job_id: str) -> str:
    """Render the expected sizes for the studio that requested them."""
    job = Job.find(job_id)
    return render_template("_estimates.html", job=job, cards=quality_cards(job))


@bp.get("/jobs/<job_id>/stills/<quality>.png")
def still(job_id: str, quality: str) -> Response:
    """Send a frame as a quality renders it, from the latest estimate for the job's clip."""
    job = Job.find(job_id)
    if job.upload_id is None or not job.size_estimates or quality not in job.size_estimates:
        raise NotFound
    storage = services().storage
    path = storage.stills_folder(job.upload_id) / f"{quality}.png"
    file = TrackedFile(storage.fetch(path, newer_than=job.finished_at or 0.0))
    image = send_tracked_file(file, "image/png", etag=f"{job.id}-{quality}")
    image.headers["Cache-Control"] = "private, max-age=3600"
    return image


@bp.post("/uploads/<upload_id>/loops/", strict_slashes=False)
def create_loops(upload_id: str) -> Response:
    """Search for the windows that loop best. The studio polls the job."""
    return _search(upload_id, JobKind.LOOPS)


@bp.get("/jobs/<job_id>/loops")
def loops(job_id: str) -> str:
    """Render the windows that were found for the studio that requested them."""
    return render_template("_loops.html", job=Job.find(job_id))


@bp.post("/uploads/<upload_id>/bars/", strict_slashes=False)
def create_bars(upload_id: str) -> Response:
    """Search for black bars. The studio polls the job."""
    return _search(upload_id, JobKind.BARS)


@bp.get("/jobs/<job_id>/bars")
def bars(job_id: str) -> str:
    """Render the offer to crop the bars that were found for the studio that requested it."""
    return render_template("_bars.html", job=Job.find(job_id))


@bp.post("/uploads/<upload_id>/previews/", strict_slashes=False)
def create_preview(upload_id: str) -> Response:
    """Make a copy of the clip that every browser can play, unless it already exists."""
    upload = Upload.find_complete(upload_id)
    if has_preview(upload.id):
        return (
            _render_preview(upload.id) if negotiate_format() == "fragment" else redirect_to_preview(upload.id)
        )
    job = submit_job(upload, ConversionOptions(), JobKind.PREVIEW)
    return _enqueued(job)


@bp.get("/jobs/<job_id>/preview")
def preview_status(job_id: str) -> str:
    """Return the progress of the preview, for the studio that requested it."""
    return render_template("_preview.html", **job_page(Job.find(job_id)))


@bp.get("/uploads/<upload_id>/preview")
def preview(upload_id: str) -> Response:
    """Send the copy that every browser can play."""
    upload = Upload.find_complete(upload_id)
    if not has_preview(upload.id):
        raise NotFound(Message("There is no preview of this video yet."))
    upload.record_use()
    file = TrackedFile(services().storage.preview_path(upload.id))
    return send_clip(file, "video/mp4", etag=f"{upload.id}-preview")


def _search(upload_id: str, kind: JobKind) -> Response:
    upload = Upload.find_complete(upload_id)
    return _enqueued(submit_job(upload, parse_options(upload), kind))


def _enqueued(job: Job) -> Response:
    """Return the fragment that polls the job, or lead to the job's page."""
    return render_job_fragment(job, 202) if negotiate_format() == "fragment" else redirect_to_job(job)


def has_preview(upload_id: str) -> bool:
    return services().storage.is_available(services().storage.preview_path(upload_id))


def redirect_to_preview(upload_id: str) -> Response:
    url = url_for("clip_analysis.preview", upload_id=upload_id)
    return redirect_or_json(url, {"preview_url": url}, 200)


def _render_preview(upload_id: str) -> Response:
    """Return the fragment that shows an existing preview in the studio."""
    url = url_for("clip_analysis.preview", upload_id=upload_id)
    return make_response(render_template("_preview.html", job=None, preview_url=url), 202)

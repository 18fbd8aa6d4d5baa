"""The studio: the page for trimming a clip and starting its conversion."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify, make_response, render_template

from chromi.db import JobKind, Upload
from chromi.errors import AlreadyRunning, ChromiError
from chromi.web.http.error_handlers import render_form_error
from chromi.web.http.file_response import TrackedFile, send_clip
from chromi.web.http.negotiation import negotiate_format
from chromi.web.presenters.studio_presenter import studio_page, unfinished_page
from chromi.web.presenters.upload_presenter import upload_json
from chromi.web.services import services
from chromi.web.submission import submit_job
from chromi.web.views.jobs import parse_options, redirect_to_job

bp = Blueprint("studio", __name__)

MEDIA_TYPES = {"mov": "video/mp4", "matroska": "video/webm", "gif": "image/gif"}


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/uploads/<upload_id>/", strict_slashes=False)
def show(upload_id: str) -> Response:
    """Show the studio. During an upload, the page that uploads the clip requests it as a fragment."""
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
            return make_response(render_template("unfinished_upload.html", **unfinished_page(upload)))


@bp.get("/uploads/<upload_id>/video")
def video(upload_id: str) -> Response:
    """Send the clip itself, for the studio's player."""
    upload = Upload.find_complete(upload_id)
    upload.record_use()
    file = TrackedFile(services().storage.fetch(services().storage.upload_path(upload.id)))
    return send_clip(file, MEDIA_TYPES[upload.complete_info().container], etag=upload.id)


@bp.post("/uploads/<upload_id>/jobs/", strict_slashes=False)
def create_job(upload_id: str) -> Response:
    """Start a conversion."""
    upload = Upload.find_complete(upload_id)
    try:
        job = submit_job(upload, parse_options(upload), JobKind.CONVERT)
    except AlreadyRunning:
        raise  # not an error that the form could show
    except ChromiError as error:
        return render_form_error(error, "studio.html", **studio_page(upload))
    return redirect_to_job(job)

"""A clip comes in: the first page, the upload, the studio, and the one-shot call for programs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from peewee import OperationalError
from werkzeug.exceptions import RequestEntityTooLarge

from chromi.db import JobKind, PartialUpload, Upload, find_upload, find_whole_upload
from chromi.encoder import OPTIONS, ConversionOptions, Loop, probe_video
from chromi.errors import AlreadyRunning, BadOptions, ChromiError, MissingVideo, UploadTooLarge
from chromi.i18n import Message
from chromi.storage import IncomingFile, new_id
from chromi.web.http.file_response import TrackedFile, send_clip
from chromi.web.http.negotiation import negotiate_format, redirect_to, refuse_body, render_form_error
from chromi.web.limits.chunks import extent_of
from chromi.web.services import services
from chromi.web.views import jobs

bp = Blueprint("uploads", __name__)

FOLDED = ("duration", "speed", "size", "scaling", "short", "reverse")
"""The options that the studio shows when asked for."""
MEDIA_TYPES = {"mov": "video/mp4", "matroska": "video/webm", "gif": "image/gif"}


class UploadRequest(Request):
    """A request whose files are written where they will stay, not to a temporary folder first."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IncomingFile:
        incoming = services().storage.open_incoming()
        self.__dict__.setdefault("_incoming", []).append(incoming)
        return incoming

    def close(self) -> None:
        """Also drop the files of a form that could not be read to its end."""
        for incoming in self.__dict__.get("_incoming", ()):
            with suppress(OSError):  # a full disk: the file goes all the same
                incoming.close()
        super().close()


def init_app(app: Flask) -> None:
    app.request_class = UploadRequest
    app.register_blueprint(bp)


@bp.get("/")
def index() -> str:
    return render_template("index.html", without_worker=services().are_without_worker(), **_index_context())


@bp.post("/uploads/", strict_slashes=False)
def create() -> Response:
    try:
        upload = receive_video()
    except ChromiError as error:
        return render_form_error(error, "index.html", **_index_context())
    return redirect_to(url_for("uploads.show", upload_id=upload.id), upload_body(upload), 201)


@bp.get("/uploads/<upload_id>/", strict_slashes=False)
def show(upload_id: str) -> Response:
    """The studio. That of an unfinished upload is a fragment for the page that sends it."""
    upload = find_upload(upload_id)
    if isinstance(upload, Upload):
        upload.record_use()  # an unfinished one lives by what comes of it
    match negotiate_format():
        case "json":
            return jsonify(upload_body(upload))
        case "fragment":
            return make_response(render_template("_studio.html", **studio_context(upload)))
        case "page" if isinstance(upload, PartialUpload):
            return make_response(render_template("unfinished.html", **_unfinished_context(upload)))
        case "page":
            return make_response(render_template("studio.html", **studio_context(upload)))


@bp.post("/uploads/<upload_id>/jobs/", strict_slashes=False)
def create_job(upload_id: str) -> Response:
    upload = find_whole_upload(upload_id)
    try:
        options = jobs.options_from_form(upload)
        jobs.free_disk_space(upload, options)
        job = jobs.start_job(upload, options)
    except AlreadyRunning:
        raise  # no mistake that the form could show
    except ChromiError as error:
        return render_form_error(error, "studio.html", **studio_context(upload))
    return jobs.answer_started(job)


@bp.post("/uploads/<upload_id>/estimates/", strict_slashes=False)
def create_estimate(upload_id: str) -> Response:
    """Measure what each quality would take; the studio watches it in its own page."""
    upload = find_whole_upload(upload_id)
    try:
        job = jobs.start_only(upload, jobs.options_from_form(upload), JobKind.ESTIMATE)
    except ChromiError as error:
        return render_form_error(error, "studio.html", **studio_context(upload))
    if negotiate_format() == "fragment":
        return make_response(jobs.estimates(job.id), 202)
    return jobs.answer_started(job)


@bp.get("/uploads/<upload_id>/video")
def video(upload_id: str) -> Response:
    """The clip itself, for the studio's player only."""
    upload = find_whole_upload(upload_id)
    upload.record_use()
    file = TrackedFile(services().storage.upload_path(upload.id))
    return send_clip(file, MEDIA_TYPES[upload.info.container], etag=upload.id)


@bp.post("/convert/", strict_slashes=False)
def convert() -> Response:
    """Upload and start in one call; with CHROMI_INLINE the answer waits for the result."""
    upload = receive_video(one_shot=True)
    try:
        job = jobs.start_job(upload, jobs.options_from_form(upload))
    except Exception:
        services().storage.upload_path(upload.id).unlink(missing_ok=True)
        with suppress(OperationalError):  # then the sweep does it
            upload.delete_instance()
        raise
    if services().settings.inline:
        return jobs.answer_inline(job)
    return make_response(jsonify(jobs.enqueued_body(job)), 202)


def receive_video(*, one_shot: bool = False) -> Upload:
    """Take the form's video if it is one, whatever its name or declared type say.

    Raises MissingVideo, UploadTooLarge, RateLimited or NotAVideo; then nothing stays on disk.
    """
    try:
        sent = request.files.get("video")
    except RequestEntityTooLarge as error:
        raise refuse_body() from error
    if sent is None:
        raise MissingVideo
    incoming: IncomingFile = sent.stream  # type: ignore[assignment]
    size_bytes = incoming.seek(0, 2)
    if size_bytes == 0:
        raise MissingVideo(Message("The file is empty. Choose another one."))
    if size_bytes > services().settings.max_upload_bytes:
        raise UploadTooLarge.over(services().settings.max_upload_mb)
    client = services().admission.take_upload(request.remote_addr, size_bytes)
    incoming.flush()
    with services().admission.probing(client):
        info = probe_video(incoming.path)
    upload_id = new_id()
    path = services().storage.upload_path(upload_id)
    incoming.keep(path)
    try:
        row = {"bytes": size_bytes, "client": client, "one_shot": one_shot}
        return Upload.create(id=upload_id, info_json=info.to_dict(), **row)
    except BaseException:  # locked for too long, or the disk is full
        path.unlink(missing_ok=True)
        raise


def upload_body(upload: Upload | PartialUpload) -> dict[str, Any]:
    """The upload for programs; `info` and `video_url` are null until all of it is here."""
    return {
        "upload_id": upload.id,
        "info": upload.info.to_dict() if upload.info else None,
        "url": url_for("uploads.show", upload_id=upload.id),
        "video_url": _video_url(upload),
    }


def studio_context(upload: Upload | PartialUpload) -> dict[str, Any]:
    """What studio.html shows; the form's values survive an error and come back by the address."""
    usual = {**ConversionOptions().to_form(), "start_time": "00:00:00"}
    form = {name: request.values.get(name, usual[name])[:32] for name in OPTIONS}
    window_s = _window_s(form)
    return {
        "upload": upload,
        "video_url": _video_url(upload),
        "form": form,
        "usual": usual,
        "has_chosen": any(form[name] != usual[name] for name in FOLDED),
        "window_s": window_s,
        "is_short": upload.info is not None and upload.info.duration_s <= window_s,
    }


def _video_url(upload: Upload | PartialUpload) -> str | None:
    return url_for("uploads.video", upload_id=upload.id) if upload.info else None


def _window_s(form: dict[str, str]) -> float:
    """Return how much of the clip these options take; what cannot be read counts as not chosen."""
    try:
        options = ConversionOptions.parse(**form)
    except BadOptions:
        options = ConversionOptions()
    shown_s = options.duration_s * options.speed
    return shown_s / 2 if options.loop is Loop.BOOMERANG else shown_s


def _index_context() -> dict[str, Any]:
    return {"max_upload_mb": services().settings.max_upload_mb}


def _unfinished_context(upload: PartialUpload) -> dict[str, Any]:
    offset_bytes, _ = extent_of(upload, services().storage)
    return {**_index_context(), "upload": upload, "offset_bytes": offset_bytes}

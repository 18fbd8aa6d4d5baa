"""An upload in pieces that goes on where it broke: tus 1.0.0, its core, creation and termination.

waitress hands a request over once all of its body is here, and never hands over one that is cut: what was
under way is then lost. So a client sends a file in pieces of a few MB, and loses one of them at most. Under
another server a body may end while it is read; what came of it until then is written and counts.
"""

from __future__ import annotations

import os

from flask import Blueprint, Flask, Response, jsonify, make_response, request, url_for

from chromi.db import PartialUpload, Upload, find_upload
from chromi.errors import (
    ChromiError,
    Conflict,
    MissingVideo,
    NotFound,
    UnsupportedMediaType,
    UploadLocked,
    UploadTooLarge,
)
from chromi.i18n import Message
from chromi.jobs import removal
from chromi.storage import PartialFile
from chromi.web.limits.chunks import check_piece, complete, extent_of, read_number
from chromi.web.services import services

bp = Blueprint("tus", __name__)

VERSION = "1.0.0"
PIECE_TYPE = "application/offset+octet-stream"
BUFFER_BYTES = 65536
SAMPLE_BYTES = 65536


class WrongProtocol(ChromiError):
    """The client speaks another version of tus, or none."""

    status_code = 412
    code = "wrong_protocol"
    user_message = Message("Uploads in pieces need the header “Tus-Resumable: %(version)s”.", version=VERSION)


class NotAPiece(UnsupportedMediaType):
    """The body is declared as something else than a piece of a file."""

    code = "not_a_piece"
    user_message = Message("Send the bytes as “%(kind)s”.", kind=PIECE_TYPE)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def check_version() -> None:
    if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
        raise WrongProtocol


@bp.after_request
def name_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    if response.status_code == WrongProtocol.status_code:
        response.headers["Tus-Version"] = VERSION
    return response


@bp.route("/uploads/resumable/", methods=["OPTIONS"], strict_slashes=False)
def describe() -> Response:
    """Say what is spoken here."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,termination",
        "Tus-Max-Size": str(services().settings.max_upload_bytes),
    }
    return Response(status=204, headers=headers)


@bp.post("/uploads/resumable/", strict_slashes=False)
def create() -> Response:
    """Begin an upload of `Upload-Length` bytes, if there is room for all of them."""
    size_bytes = read_number("Upload-Length", request.headers.get("Upload-Length"))
    if size_bytes == 0:
        raise MissingVideo(Message("The file is empty. Choose another one."))
    if size_bytes > services().settings.max_upload_bytes:
        raise UploadTooLarge.over(services().settings.max_upload_mb)
    client = services().admission.take_upload(request.remote_addr, size_bytes, is_partial=True)
    partial = PartialUpload(length_bytes=size_bytes, client=client)
    path = services().storage.partial_path(partial.id)
    path.touch(exist_ok=False)
    try:
        partial.save(force_insert=True)
    except BaseException:
        path.unlink()
        raise
    body = {"upload_id": partial.id, "url": url_for("uploads.show", upload_id=partial.id)}
    response = make_response(jsonify(body), 201)
    response.headers["Location"] = url_for("tus.show", upload_id=partial.id)
    return response


@bp.route("/uploads/resumable/<upload_id>", methods=["HEAD"])
def show(upload_id: str) -> Response:
    """Tell how much is here."""
    here_bytes, whole_bytes = extent_of(find_upload(upload_id), services().storage)
    response = _answer(here_bytes, 200)
    response.headers["Upload-Length"] = str(whole_bytes)
    return response


@bp.get("/uploads/resumable/<upload_id>/sample")
def sample(upload_id: str) -> Response:
    """The beginning and the end of what is here, equally long: a file that has both is taken for the same."""
    upload = find_upload(upload_id)
    storage = services().storage
    find = storage.partial_path if isinstance(upload, PartialUpload) else storage.upload_path
    try:
        with find(upload.id).open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            part_bytes = min(size_bytes, SAMPLE_BYTES)
            parts = [os.pread(file.fileno(), part_bytes, at) for at in (0, size_bytes - part_bytes)]
    except FileNotFoundError as error:
        raise NotFound(type(upload).missing_message()) from error
    response = _answer(size_bytes, 200)
    response.data, response.mimetype = b"".join(parts), "application/octet-stream"
    return response


@bp.patch("/uploads/resumable/<upload_id>")
def append(upload_id: str) -> Response:
    """Add a piece; the last one makes it an upload like any other, or is answered with what is wrong."""
    if request.mimetype != PIECE_TYPE:
        raise NotAPiece
    upload = find_upload(upload_id)
    if isinstance(upload, PartialUpload):
        return _answer(_receive(upload), 204)
    # Whole already: the client has not heard the last answer, and may say its last piece again, empty.
    _check_piece(upload.bytes, upload.bytes)
    return _answer(upload.bytes, 204)


@bp.delete("/uploads/resumable/<upload_id>")
def remove(upload_id: str) -> Response:
    """Give an unfinished upload up; one that is whole ends by itself, as a job may need it."""
    upload = find_upload(upload_id)
    if isinstance(upload, Upload) or not _give_up(upload):
        raise Conflict(Message("This upload is complete. It is deleted by itself soon after its last use."))
    return Response(status=204)


def _give_up(partial: PartialUpload) -> bool:
    return removal.remove_partial(partial, services().storage, services().settings)


def _receive(partial: PartialUpload) -> int:
    """Write the request's body to the file's end; gives the new offset. See `complete` for what it raises."""
    storage = services().storage
    with PartialFile(storage.partial_path(partial.id)) as file:
        current = PartialUpload.get_or_none(PartialUpload.id == partial.id)
        if current is None:
            raise UploadLocked  # completed or removed just before we had the file: asking again tells
        _check_piece(file.size_bytes, current.length_bytes)
        _write_body(current, file)
        if file.size_bytes == current.length_bytes:
            complete(current, services().admission)
        return file.size_bytes


def _write_body(partial: PartialUpload, file: PartialFile) -> None:
    """Write what comes; only that keeps an upload alive: looking at it and empty pieces do not."""
    before_bytes = file.size_bytes
    try:
        while piece := request.stream.read(BUFFER_BYTES):
            if partial.started_at is None:
                services().admission.start_partial(partial)
            file.append(piece)
    finally:
        if file.size_bytes > before_bytes:
            partial.record_use()


def _check_piece(here_bytes: int, whole_bytes: int) -> None:
    check_piece(request.headers.get("Upload-Offset"), request.content_length or 0, here_bytes, whole_bytes)


def _answer(offset: int, status: int) -> Response:
    return Response(status=status, headers={"Upload-Offset": str(offset)})

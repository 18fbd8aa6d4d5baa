"""Resumable uploads: tus 1.0.0 with the extensions creation and termination (https://tus.io/protocols).

waitress passes a request on once its entire body has arrived, and drops a request whose connection breaks.
Therefore, clients send a file in chunks of a few MB and lose at most one chunk. Under other servers, a body
may end while it is being read; whatever has arrived by then is stored and counts.
"""

from __future__ import annotations

import os

from flask import Blueprint, Flask, Response, jsonify, make_response, request, url_for

from chromi.db import Upload
from chromi.errors import ClipNotFound, Conflict
from chromi.i18n import Message
from chromi.jobs.removal import remove_upload
from chromi.web.http.error_handlers import STATUS_CODES
from chromi.web.http.request_errors import CHUNK_TYPE, TUS_VERSION, NotAChunk, WrongTusVersion
from chromi.web.limits.chunk_validation import parse_byte_count, received_bytes_of
from chromi.web.services import services
from chromi.web.upload_receiver import create_resumable_upload, receive_chunk

bp = Blueprint("tus", __name__)

SAMPLE_BYTES = 65536


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def check_version() -> None:
    if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != TUS_VERSION:
        raise WrongTusVersion


@bp.after_request
def add_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = TUS_VERSION
    if response.status_code == STATUS_CODES[WrongTusVersion]:
        response.headers["Tus-Version"] = TUS_VERSION
    return response


@bp.route("/uploads/resumable/", methods=["OPTIONS"], strict_slashes=False)
def describe() -> Response:
    """Describe the protocol version and its extensions."""
    headers = {
        "Tus-Version": TUS_VERSION,
        "Tus-Extension": "creation,termination",
        "Tus-Max-Size": str(services().settings.max_upload_bytes),
    }
    return Response(status=204, headers=headers)


@bp.post("/uploads/resumable/", strict_slashes=False)
def create() -> Response:
    """Create an upload of `Upload-Length` bytes, if there is space for all of them."""
    upload = create_resumable_upload(parse_byte_count("Upload-Length", request.headers.get("Upload-Length")))
    body = {"upload_id": upload.id, "url": url_for("studio.show", upload_id=upload.id)}
    response = make_response(jsonify(body), 201)
    response.headers["Location"] = url_for("tus.show", upload_id=upload.id)
    return response


@bp.route("/uploads/resumable/<upload_id>", methods=["HEAD"])
def show(upload_id: str) -> Response:
    """Report how many bytes have arrived."""
    upload = Upload.find(upload_id)
    response = _respond(received_bytes_of(upload, services().storage), 200)
    response.headers["Upload-Length"] = str(upload.length_bytes)
    return response


@bp.get("/uploads/resumable/<upload_id>/sample")
def sample(upload_id: str) -> Response:
    """Send the first and last bytes that have arrived, which a client compares to recognize the file."""
    upload, storage = Upload.find(upload_id), services().storage
    if upload.is_complete:
        path = storage.fetch(storage.upload_path(upload.id))
    else:
        path = storage.partial_upload_path(upload.id)
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            part_bytes = min(size_bytes, SAMPLE_BYTES)
            parts = [os.pread(file.fileno(), part_bytes, at) for at in (0, size_bytes - part_bytes)]
    except FileNotFoundError as error:
        if upload.is_complete:
            raise ClipNotFound from error
        size_bytes, parts = 0, []
    response = _respond(size_bytes, 200)
    response.data, response.mimetype = b"".join(parts), "application/octet-stream"
    return response


@bp.patch("/uploads/resumable/<upload_id>")
def append(upload_id: str) -> Response:
    """Append a chunk.

    The last chunk completes the upload, or the response says what is wrong with the file.
    """
    if request.mimetype != CHUNK_TYPE:
        raise NotAChunk
    upload = Upload.find(upload_id)
    return _respond(receive_chunk(upload.id, request.headers.get("Upload-Offset")), 204)


@bp.delete("/uploads/resumable/<upload_id>")
def delete(upload_id: str) -> Response:
    """Delete an incomplete upload. A complete upload is kept until it expires, because a job may need it."""
    upload, storage, settings = Upload.find(upload_id), services().storage, services().settings
    if not remove_upload(upload, storage, settings, Upload.info_json.is_null()):
        Upload.find(upload_id)  # raises NotFound if another request has deleted it in the meantime
        raise Conflict(
            Message(
                "This upload is complete. "
                "It will be deleted automatically once it hasn’t been used for a while."
            )
        )
    return Response(status=204)


def _respond(offset: int, status: int) -> Response:
    return Response(status=status, headers={"Upload-Offset": str(offset)})

"""Batches: convert several clips, or several windows of one clip, with one request, status and ZIP."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakValueDictionary

from flask import Blueprint, Flask, Response, jsonify, make_response, request, url_for

from chromi.db import Batch, Job
from chromi.errors import Conflict, Gone
from chromi.i18n import Message
from chromi.web.batch_form import BatchItem, parse_batch
from chromi.web.http.file_response import FileLayout, TrackedFile, send_tracked_file
from chromi.web.idempotency import create_once
from chromi.web.link_download import fetch_result
from chromi.web.presenters.batch_presenter import batch_enqueued_json, batch_json
from chromi.web.presenters.link_presenter import EXPIRED, find_own_link
from chromi.web.services import services
from chromi.web.submission import submit_batch
from chromi.web.webhook_form import create_webhook, parse_webhook_url
from chromi.web.zip_layout import ZipBuilder, zip_etag

bp = Blueprint("batches", __name__)

DOWNLOAD_NAME = "chromi_backgrounds.zip"
MAX_FORM_PARTS = 60
"""Up to 16 ids and 16 start times, and the options, each of which may be sent as a part of its own."""

_layouts: WeakValueDictionary[tuple[str, ...], FileLayout] = WeakValueDictionary()
"""Layouts of active downloads, by the ids of the jobs. Many stalled downloads share a single layout."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/batches/", strict_slashes=False)
def create() -> Response:
    """Start a conversion for each clip or window, or none if one of them is not admitted."""
    request.max_form_parts = MAX_FORM_PARTS
    batch = create_once(_start, lambda batch_id: Batch.get_or_none(Batch.id == batch_id))
    return make_response(jsonify(batch_enqueued_json(batch)), 202)


@bp.get("/batches/<batch_id>/", strict_slashes=False)
def show(batch_id: str) -> Response:
    return jsonify(batch_json(Batch.find(batch_id)))


@bp.get("/batches/<batch_id>/zip/", strict_slashes=False)
def download(batch_id: str) -> Response:
    """Send the GIFs that have not expired as one ZIP. This does not count as a use of any link."""
    batch = Batch.find(batch_id)
    if not batch.is_final:
        raise Conflict(Message("This batch has not ended yet."))
    made = [job for job in batch.list_jobs() if job.has_background]
    if not made:
        raise Conflict(Message("This batch produced no backgrounds."))
    jobs = [job for job in made if find_own_link(job)]
    if not jobs:
        raise Gone(EXPIRED)
    layout = _find_layout(jobs)
    response = send_tracked_file(TrackedFile(layout), "application/zip", etag=zip_etag(layout))
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _start(batch_id: str) -> Batch:
    """Submit the form's jobs as a batch with this id."""
    items: list[BatchItem] = parse_batch(request.form)
    create_webhook(parse_webhook_url(), batch_id, url_for("batches.show", batch_id=batch_id))
    return submit_batch([(item.upload, item.options) for item in items], batch_id)


def _find_layout(jobs: list[Job]) -> FileLayout:
    """Return the layout of the ZIP, from an active download if possible. Raises Gone."""
    key = tuple(job.id for job in jobs)
    layout = _layouts.get(key)
    if layout is None:
        storage = services().storage
        layout = _layouts[key] = _build_zip([fetch_result(storage.result_path(job.id)) for job in jobs])
    return layout


def _build_zip(paths: list[Path]) -> FileLayout:
    builder = ZipBuilder()
    try:
        for number, path in enumerate(paths, 1):
            builder.add_file(f"chromi_background_{number:02d}.gif", path)
    except FileNotFoundError as error:
        raise Gone from error
    return builder.finish()

"""Download the background as a browser extension that shows it on every new tab."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakValueDictionary

from flask import Blueprint, Flask, Response

from chromi.errors import Gone
from chromi.web.extension_archive import build_envelope, envelope_etag
from chromi.web.http.file_response import Envelope, TrackedFile, send_tracked_file
from chromi.web.http.translation import language_tag
from chromi.web.link_download import fetch_result
from chromi.web.services import services
from chromi.web.views.downloads import find_own_link

bp = Blueprint("extension", __name__)

DOWNLOAD_NAME = "chromi_new_tab.zip"

_envelopes: WeakValueDictionary[tuple[str, str], Envelope] = WeakValueDictionary()
"""Envelopes of active downloads, by job and language. Many stalled downloads share a single envelope."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/download/<token>/extension.zip")
def download(token: str) -> Response:
    """Send the extension as a ZIP for the result page. This does not count as a use."""
    link = find_own_link(token)
    gif_path = fetch_result(services().storage.result_path(link.job_id))
    envelope = _find_envelope(link.job_id, gif_path)
    file = TrackedFile(gif_path, envelope)
    response = send_tracked_file(file, "application/zip", etag=envelope_etag(envelope))
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _find_envelope(job_id: str, gif_path: Path) -> Envelope:
    """Return the envelope that turns a result into a ZIP, from an active download if possible.

    Raises Gone.
    """
    key = (job_id, language_tag())
    envelope = _envelopes.get(key)
    if envelope is None:
        try:
            envelope = _envelopes[key] = build_envelope(gif_path)
        except FileNotFoundError as error:
            raise Gone from error
    return envelope

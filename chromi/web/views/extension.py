"""Download the background as a browser extension that shows it on every new tab."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakValueDictionary

from flask import Blueprint, Flask, Response

from chromi.errors import Gone
from chromi.web.extension_archive import build_extension
from chromi.web.http.file_response import FileLayout, TrackedFile, send_tracked_file
from chromi.web.http.translation import language_tag
from chromi.web.link_download import fetch_result
from chromi.web.services import services
from chromi.web.views.downloads import find_own_link
from chromi.web.zip_layout import zip_etag

bp = Blueprint("extension", __name__)

DOWNLOAD_NAME = "chromi_new_tab.zip"

_layouts: WeakValueDictionary[tuple[str, str], FileLayout] = WeakValueDictionary()
"""Layouts of active downloads, by job and language. Many stalled downloads share a single layout."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/download/<token>/extension.zip")
def download(token: str) -> Response:
    """Send the extension as a ZIP for the result page. This does not count as a use."""
    link = find_own_link(token)
    layout = _find_layout(link.job_id, fetch_result(services().storage.result_path(link.job_id)))
    response = send_tracked_file(TrackedFile(layout), "application/zip", etag=zip_etag(layout))
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _find_layout(job_id: str, gif_path: Path) -> FileLayout:
    """Return the layout of the ZIP around a result, from an active download if possible. Raises Gone."""
    key = (job_id, language_tag())
    layout = _layouts.get(key)
    if layout is None:
        try:
            layout = _layouts[key] = build_extension(gif_path)
        except FileNotFoundError as error:
            raise Gone from error
    return layout

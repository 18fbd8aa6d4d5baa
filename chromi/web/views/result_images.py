"""What the maker's page shows of a finished background besides the GIF; none of it is for share links."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, send_file, url_for

from chromi.db import Job, Link
from chromi.encoder import copy_first_frame
from chromi.errors import Gone, NotFound
from chromi.web.limits.download_uses import let_browser_keep
from chromi.web.services import services
from chromi.web.views.downloads import find_live_link, own_link, token_of

bp = Blueprint("result_images", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/download/<token>/source.jpg")
def source_frame(token: str) -> Response:
    """The first picture as it was before it was drawn in few colors."""
    link = find_own_link(token)
    try:
        picture = send_file(services().storage.source_frame_path(link.job_id), "image/jpeg")
    except FileNotFoundError as error:
        raise Gone from error
    return _kept_by_browser(picture, link)


@bp.get("/download/<token>/first.png")
def first_frame(token: str) -> Response:
    """The GIF's first picture, each pixel as it is."""
    link = find_own_link(token)
    try:
        picture = copy_first_frame(services().storage.result_path(link.job_id))
    except FileNotFoundError as error:
        raise Gone from error
    return _kept_by_browser(Response(picture, mimetype="image/png"), link)


def find_own_link(token: str) -> Link:
    """Give the link of a result's own page; raises NotFound for any other, and Gone if it has ended."""
    link = find_live_link(token)
    if link.shared:
        raise NotFound
    return link


def result_context(job: Job) -> dict[str, Any]:
    """A finished job's further addresses, for its page; results of an older version have no source frame."""
    if not job.has_background:
        return {}
    token = token_of(own_link(job))
    has_source = services().storage.source_frame_path(job.id).exists()
    return {
        "extension_url": url_for("extension.download", token=token),
        "first_frame_url": url_for("result_images.first_frame", token=token),
        "source_frame_url": url_for("result_images.source_frame", token=token) if has_source else None,
    }


def _kept_by_browser(response: Response, link: Link) -> Response:
    let_browser_keep(response, link)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response

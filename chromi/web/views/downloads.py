"""Download a GIF through a signed link, and show the page of a share link to its recipient."""

from __future__ import annotations

import re
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from chromi.db import Download, Link, database_connection
from chromi.encoder import first_frame_jpeg, first_frame_png
from chromi.errors import ChromiError, Gone, NotFound
from chromi.web.auth import link_passwords
from chromi.web.http.error_handlers import render_form_error
from chromi.web.http.file_response import TrackedFile, send_tracked_file
from chromi.web.http.negotiation import negotiate_format
from chromi.web.http.request_errors import PasswordRequired
from chromi.web.link_download import allow_browser_cache, check_not_ended, etag_of, fetch_result, send_gif
from chromi.web.presenters.link_presenter import receiver_page
from chromi.web.services import services

bp = Blueprint("downloads", __name__)

LINK_PREVIEWER = re.compile(
    r"bot\b|crawler|spider|preview|facebookexternalhit|whatsapp|embedly", re.IGNORECASE
)
"""User-Agents that get an unlimited link's page to create a preview card from.

This is only a convenience: leaving one out breaks nothing.
"""
COMMAND_LINE_CLIENT = re.compile(r"(curl|wget2?|aria2)/", re.IGNORECASE)
"""User-Agents of download programs that people run by hand, so their requests are deliberate."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    with database_connection():
        Download.release_node(app.extensions["chromi"].storage.node)


@bp.after_request
def set_no_referrer(response: Response) -> Response:
    """Set no-referrer, because a URL that opens a file is a secret."""
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response


@bp.get("/download/<token>/", strict_slashes=False)
def download(token: str) -> Response:
    """Send the GIF, but first show the share link's page to a browser that follows it."""
    link = find_live_link(token)
    is_unlocked = link_passwords.is_unlocked(link)
    if link.shared and (_wants_page(link) or (not is_unlocked and negotiate_format() == "page")):
        page = make_response(render_template("share_link.html", **receiver_page(link, is_unlocked)))
        has_form = link.max_uses or not is_unlocked
        return _allow_form(page) if has_form else page
    if not is_unlocked:
        raise PasswordRequired
    return send_gif(link)


@bp.post("/download/<token>/", strict_slashes=False)
def unlock(token: str) -> Response:
    """Check the password or accept the download button. A program gets the file, a browser a redirect.

    The button redirects to `?download=1`, because browsers cannot resume a download that began with POST.
    """
    link = find_live_link(token)
    try:
        link_passwords.check_password(link)
    except ChromiError as error:
        context = receiver_page(link, is_unlocked=False)
        return _allow_form(render_form_error(error, "share_link.html", **context))
    if negotiate_format() == "json":
        response = send_gif(link)
    else:
        download = "1" if "download" in request.form else None
        response = make_response(redirect(url_for("downloads.download", token=token, download=download), 303))
    if link.password_hash and "password" in request.form:
        link_passwords.remember_password(response, link, token)
    return response


@bp.get("/download/<token>/still.jpg")
def still(token: str) -> Response:
    """Send the first frame as a small JPEG for the share link's page. This does not count as a use."""
    link = find_live_link(token)
    if not link_passwords.is_unlocked(link):
        raise PasswordRequired
    try:
        frame = first_frame_jpeg(_result_path(link))
    except FileNotFoundError as error:
        raise Gone from error
    return Response(frame, mimetype="image/jpeg")


@bp.get("/download/<token>/preview.mp4")
def moving_preview(token: str) -> Response:
    """Send the GIF as a small video for the share link's page. This does not count as a use."""
    link = find_live_link(token)
    if not link_passwords.is_unlocked(link):
        raise PasswordRequired
    file = TrackedFile(fetch_result(services().storage.moving_preview_path(link.job_id)))
    return send_tracked_file(file, "video/mp4", etag=f"{etag_of(link)}-preview")


@bp.get("/download/<token>/source.jpg")
def source_frame(token: str) -> Response:
    """Send the first frame in full color, before color reduction, for the result page."""
    link = find_own_link(token)
    file = TrackedFile(fetch_result(services().storage.source_frame_path(link.job_id)))
    image = send_tracked_file(file, "image/jpeg", etag=etag_of(link))
    allow_browser_cache(image, link)
    return image


@bp.get("/download/<token>/first.png")
def first_frame(token: str) -> Response:
    """Send the GIF's first frame as a lossless PNG, for the result page."""
    link = find_own_link(token)
    try:
        image = Response(first_frame_png(_result_path(link)), mimetype="image/png")
    except FileNotFoundError as error:
        raise Gone from error
    allow_browser_cache(image, link)
    return image


def find_live_link(token: str) -> Link:
    """Return the link for a token. Raises LinkNotFound for an invalid token and Gone for an ended link."""
    link = Link.get_by_code(services().signer.verify_link(token))
    # If the signature is valid but there is no row, the link existed and was deleted after it ended.
    if link is None:
        raise Gone
    check_not_ended(link)
    return link


def find_own_link(token: str) -> Link:
    """Return the result page's own link. Raises NotFound for a share link, and Gone."""
    link = find_live_link(token)
    if link.shared:
        raise NotFound
    return link


def _result_path(link: Link) -> Path:
    return fetch_result(services().storage.result_path(link.job_id))


def _wants_page(link: Link) -> bool:
    """Return whether a GET of a share link gets the page instead of the file.

    A limited link sends its file only in response to a deliberate request. Any other client could be a link
    previewer, whatever its name.
    """
    if link.max_uses:
        return not (_has_download_flag() or _resumes_download(link) or _is_command_line_client())
    if "file" in request.args:
        return False
    return negotiate_format() == "page" or bool(LINK_PREVIEWER.search(_user_agent()))


def _has_download_flag() -> bool:
    """True for `?download=1`. No page links to such a URL, so nobody opens it by accident."""
    return request.args.get("download") == "1"


def _resumes_download(link: Link) -> bool:
    """True for a range request with the file's ETag, which the client received when its download began."""
    etag = etag_of(link)
    return bool(request.range) and (request.if_range.etag == etag or request.if_match.is_strong(etag))


def _is_command_line_client() -> bool:
    return negotiate_format() != "page" and bool(COMMAND_LINE_CLIENT.match(_user_agent()))


def _user_agent() -> str:
    return request.headers.get("User-Agent", "")


def _allow_form(response: Response) -> Response:
    """Allow the page to submit its form. With no-referrer, browsers send a null origin, which is rejected."""
    response.headers["Referrer-Policy"] = "same-origin"
    return response

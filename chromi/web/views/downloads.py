"""Ways to a finished GIF: signed links that expire, and the receiver's page."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for

from chromi.db import Job, Link, database
from chromi.encoder import read_first_frame
from chromi.errors import ChromiError, Gone
from chromi.i18n import Message
from chromi.tokens import MAX_AGE_S
from chromi.web.http.negotiation import negotiate_format, render_form_error
from chromi.web.limits import passwords
from chromi.web.limits.download_uses import deliver_gif, etag_of, refuse_ended
from chromi.web.services import services

bp = Blueprint("downloads", __name__)

LINK_PREVIEWER = re.compile(
    r"bot\b|crawler|spider|preview|facebookexternalhit|whatsapp|embedly", re.IGNORECASE
)
"""User-Agents that get the page of a link without a limit, to draw a card from.

Only a convenience: nothing is lost when one is missing here.
"""
TYPED_CLIENT = re.compile(r"(curl|wget2?|aria2)/", re.IGNORECASE)
"""User-Agents of the download programs that people type: their request for a file is deliberate."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    with database.connection_context():
        Link.reset_active_downloads()


@bp.after_request
def keep_private(response: Response) -> Response:
    """An address that opens a file is a secret: nobody is told of it."""
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    return response


@bp.get("/download/<token>/", strict_slashes=False)
def download(token: str) -> Response:
    """The GIF; a person who follows the link in a browser sees first what it is."""
    link = find_live_link(token)
    is_open = passwords.is_open(link)
    if link.shared and (_wants_page(link) or (not is_open and negotiate_format() == "page")):
        response = make_response(render_template("receiver.html", **receiver_context(link, is_open)))
        has_form = link.max_uses or not is_open
        return _let_form_be_sent(response) if has_form else response
    if not is_open:
        raise passwords.PasswordNeeded
    return deliver_gif(link)


@bp.post("/download/<token>/", strict_slashes=False)
def unlock(token: str) -> Response:
    """Take the password or the page's button: a person goes on to the page or file, a program gets the file.

    The button redirects to `?download=1`, because browsers resume no download that began by POST.
    """
    link = find_live_link(token)
    try:
        passwords.take_password(link)
    except ChromiError as error:
        context = receiver_context(link, is_open=False)
        return _let_form_be_sent(render_form_error(error, "receiver.html", **context))
    if negotiate_format() == "json":
        response = deliver_gif(link)
    else:
        deliberate = "1" if "download" in request.form else None
        response = make_response(
            redirect(url_for("downloads.download", token=token, download=deliberate), 303)
        )
    if link.password_hash and "password" in request.form:
        passwords.grant(response, link, token)
    return response


@bp.get("/download/<token>/still.jpg")
def still(token: str) -> Response:
    """The first picture alone, for the receiver's page; looking at it uses nothing up."""
    link = find_live_link(token)
    if not passwords.is_open(link):
        raise passwords.PasswordNeeded
    try:
        picture = read_first_frame(services().storage.result_path(link.job_id))
    except FileNotFoundError as error:
        raise Gone from error
    return Response(picture, mimetype="image/jpeg")


def find_live_link(token: str) -> Link:
    """Give the link of a token; raises NotFound if it was never made here, Gone if it has ended."""
    link: Link | None = Link.get_or_none(Link.id == services().signer.verify_download(token))
    # Whoever holds a good signature was once given this link: its row was swept, so it has ended.
    if link is None:
        raise Gone
    refuse_ended(link)
    return link


def _wants_page(link: Link) -> bool:
    """Tell whether a GET of a share link gets the page instead of the file.

    A link with a limit gives its file only to somebody who asks for it deliberately: any other program may be
    one that previews links, whatever it is called.
    """
    if link.max_uses:
        return not (_is_explicit() or _resumes_download(link) or _is_typed())
    if "file" in request.args:
        return False
    return negotiate_format() == "page" or bool(LINK_PREVIEWER.search(_user_agent()))


def _is_explicit() -> bool:
    """True for `?download=1`: no page has such an address, so that nobody follows it by accident."""
    return request.args.get("download") == "1"


def _resumes_download(link: Link) -> bool:
    """True for a range of the file whose ETag the client knows, which it was told as its download began."""
    etag = etag_of(link)
    return bool(request.range) and (request.if_range.etag == etag or request.if_match.is_strong(etag))


def _is_typed() -> bool:
    return negotiate_format() != "page" and bool(TYPED_CLIENT.match(_user_agent()))


def _user_agent() -> str:
    return request.headers.get("User-Agent", "")


def _let_form_be_sent(response: Response) -> Response:
    """From a page that sends no referrer a browser sends no origin either, and its form would be refused."""
    response.headers["Referrer-Policy"] = "same-origin"
    return response


# -- what pages and JSON tell of a link ------------------------------------------------------------------


def result_context(job: Job) -> dict[str, Any]:
    """A finished job's addresses and share links, for its page."""
    if not job.has_background:
        return {}
    own = own_link(job)
    return {
        "gif_url": download_url(own),
        "still_url": still_url(own),
        "result_expires_at": own.expiry,
        "links": link_rows(job),
    }


def link_rows(job: Job) -> list[dict[str, Any]]:
    """The job's share links, the newest first."""
    shared = job.links.where(Link.shared).order_by(Link.created_at)
    return [link_row(link, number) for number, link in enumerate(shared, 1)][::-1]


def own_url(job: Job) -> str:
    """The address of the result for whoever asked for it, without the receiver's page in between."""
    return download_url(own_link(job))


def own_link(job: Job) -> Link:
    own: Link | None = job.links.where(~Link.shared).first()
    if own is None or not own.is_live:
        raise Gone(
            Message("This background has expired and was removed. Nothing is kept; please make it again.")
        )
    return own


def download_url(link: Link, **options: Any) -> str:
    return url_for("downloads.download", token=token_of(link), **options)


def still_url(link: Link, **options: Any) -> str:
    return url_for("downloads.still", token=token_of(link), **options)


def token_of(link: Link) -> str:
    return services().signer.sign_download(link.id, link.created_at)


def link_row(link: Link, number: int) -> dict[str, Any]:
    """A share link as _links.html lists it; `number` counts the result's links as they were made."""
    return {
        "id": link.id,
        "number": number,
        "url": download_url(link, _external=True),
        "expires_at": link.expiry,
        "uses": link.uses,
        "uses_left": link.uses_left,
        "max_uses": link.max_uses,
        "has_password": link.password_hash is not None,
        "can_be_extended": link.expires_at < link.created_at + MAX_AGE_S,
        "state": link.state,
    }


def receiver_context(link: Link, is_open: bool) -> dict[str, Any]:
    """What receiver.html shows."""
    return {
        "link": link,
        "is_open": is_open,
        "was_open": "file" in request.args or "download" in request.values,
        "result": link.job.result,
        "page_url": download_url(link),
        "file_url": download_url(link, file=1),
        "still_url": still_url(link),
        "picture_url": still_url(link, _external=True),
    }

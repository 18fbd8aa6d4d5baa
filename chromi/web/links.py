"""Ways to a finished GIF: signed links that expire, and the download behind them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from flask import Blueprint, Flask, Response, make_response, render_template, request, url_for

from chromi import sweep
from chromi.encoder import read_first_frame
from chromi.errors import BadOptions, Conflict, Gone
from chromi.models import Job, Link, State, database
from chromi.storage import Storage
from chromi.web.delivery import deliver_file
from chromi.web.responses import redirect_to, wanted_kind
from chromi.web.services import services

log = logging.getLogger(__name__)
bp = Blueprint("links", __name__)

DOWNLOAD_NAME = "chromi_background.gif"
EXPIRY_CHOICES_S = {"10m": 600, "1h": 3600, "24h": 86400, "7d": 7 * 86400}

LINK_PREVIEW_AGENTS = ("bot", "crawler", "spider", "preview", "facebookexternalhit", "whatsapp", "embedly")
"""Words by which the programs that unfurl links name themselves; they get the page, never the file."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    with database.connection_context():
        Link.forget_deliveries()


@bp.post("/jobs/<job_id>/links/", strict_slashes=False)
def create(job_id: str) -> Response:
    """Make a share link; `expires` is one of 10m, 1h, 24h, 7d, `one_time` is on or absent."""
    job = Job.find(job_id)
    if job.state != State.SUCCESS:
        raise Conflict("There is no background to share yet.")
    choice = request.form.get("expires", "24h")
    if choice not in EXPIRY_CHOICES_S:
        raise BadOptions(f"“expires” must be one of {', '.join(EXPIRY_CHOICES_S)}.")
    max_uses = 1 if request.form.get("one_time", "") in ("on", "true", "1") else None
    link = Link.create(job=job, expires_at=time.time() + EXPIRY_CHOICES_S[choice], max_uses=max_uses)
    _own_link(job).extend_to(link.expires_at)  # whoever shares can see the page as long as the link works
    if wanted_kind() == "fragment":
        return make_response(render_template("_links.html", **result_context(job)))
    return redirect_to(url_for("jobs.show", job_id=job.id), link_body(link), 201)


@bp.get("/download/<token>/", strict_slashes=False)
def download(token: str) -> Response:
    """The GIF; a person who follows the link in a browser sees first what it is."""
    link = find_link(token)
    link.require_unused()
    if link.shared and _wants_page():
        response = make_response(render_template("receiver.html", **receiver_context(link)))
    else:
        response = deliver_gif(link)
    # A one-time link's page and file must not come out of a cache, and no link may leak by a referrer.
    response.headers["Cache-Control"] = "no-store" if link.max_uses else "private, max-age=3600"
    return response


@bp.get("/download/<token>/still.jpg")
def still(token: str) -> Response:
    """The first picture alone, for the receiver's page; looking at it uses nothing up."""
    link = find_link(token)
    link.require_unused()
    try:
        picture = read_first_frame(services().storage.result_path(link.job_id))
    except FileNotFoundError as error:
        raise Gone from error
    return Response(picture, mimetype="image/jpeg")


def find_link(token: str) -> Link:
    """Give the link of a token; raises NotFound for a token never made here, Gone for one that has ended."""
    link: Link | None = Link.get_or_none(Link.id == services().signer.verify_download(token))
    # Whoever holds a good signature was once given this link: its row was swept, so it has ended.
    if link is None or link.expires_at <= time.time():
        raise Gone
    return link


def deliver_gif(link: Link) -> Response:
    """Send the file, counting the use when (and only when) the last byte has been sent."""
    storage = services().storage
    counted = request.method == "GET"
    if counted and not link.begin_delivery():
        raise Conflict("This link works once and is being downloaded at this moment.")

    def end_delivery(complete: bool) -> None:
        # Off the server's event loop, which calls this: a locked database must not stall everybody else.
        threading.Thread(target=_count_use, args=(link, complete, storage)).start()

    response = deliver_file(
        storage.result_path(link.job_id),
        "image/gif",
        etag=link.job_id,
        on_close=end_delivery if counted else None,
    )
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    return response


def _count_use(link: Link, complete: bool, storage: Storage) -> None:
    with database.connection_context():
        link.end_delivery(complete=complete)
        if complete and link.max_uses:
            sweep.remove_result_if_unneeded(link.job_id, storage)


def _wants_page() -> bool:
    """True for a browser that navigates and for a program that previews links; not for the button."""
    agent = request.headers.get("User-Agent", "").lower()
    if any(word in agent for word in LINK_PREVIEW_AGENTS):
        return True
    return wanted_kind() == "page" and "file" not in request.args


# -- what pages and JSON tell of a link ------------------------------------------------------------------


def result_context(job: Job) -> dict[str, Any]:
    """A finished job's addresses and share links, for its page."""
    if job.state != State.SUCCESS:
        return {}
    own = _own_link(job)
    return {
        "gif_url": download_url(own),
        "download_url": download_url(own),
        "result_expires_at": own.expiry,
        "links": [link_row(link) for link in job.links.where(Link.shared).order_by(Link.created_at)],
    }


def own_url(job: Job) -> str:
    """The address of the result for whoever asked for it, without the receiver's page in between."""
    return download_url(_own_link(job))


def _own_link(job: Job) -> Link:
    own: Link | None = job.links.where(~Link.shared).first()
    if own is None or not own.is_live:
        raise Gone("This background has expired and was removed. Nothing is kept; please make it again.")
    return own


def download_url(link: Link, **options: Any) -> str:
    token = services().signer.sign_download(link.id, link.created_at)
    return url_for("links.download", token=token, **options)


def link_row(link: Link) -> dict[str, Any]:
    """A share link as _links.html lists it."""
    return {
        "url": download_url(link, _external=True),
        "kind": "one-time" if link.one_time else "until it expires",
        "expires_at": link.expiry,
        "uses": link.uses,
        "max_uses": link.max_uses,
        "is_live": link.is_live,
    }


def link_body(link: Link) -> dict[str, Any]:
    """A share link as JSON."""
    return {
        "url": download_url(link, _external=True),
        "expires_at": link.expiry.isoformat(timespec="seconds"),
        "max_uses": link.max_uses,
        "uses": link.uses,
    }


def receiver_context(link: Link) -> dict[str, Any]:
    """What receiver.html shows."""
    token = services().signer.sign_download(link.id, link.created_at)
    return {
        "link": link,
        "result": link.job.result,
        "file_url": url_for("links.download", token=token, file=1),
        "still_url": url_for("links.still", token=token),
    }

"""Ways to a finished GIF: signed links that expire, and the download behind them."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from typing import Any

from flask import Blueprint, Flask, Response, make_response, render_template, request, url_for
from peewee import OperationalError

from chromi import sweep
from chromi.encoder import read_first_frame
from chromi.errors import BadOptions, Conflict, Gone, LinkUsedUp
from chromi.models import Job, Link, database
from chromi.storage import Storage
from chromi.tokens import MAX_AGE_S
from chromi.web.delivery import DeliveredFile, deliver_file
from chromi.web.responses import redirect_to, wanted_kind
from chromi.web.services import services

log = logging.getLogger(__name__)
bp = Blueprint("links", __name__)

DOWNLOAD_NAME = "chromi_background.gif"
EXPIRY_CHOICES_S = {"10m": 600, "1h": 3600, "24h": 86400, "7d": 7 * 86400}
ONE_TIME_CHOICES = {"": None, "on": 1, "true": 1, "1": 1}
MAX_CACHE_AGE_S = 3600

LINK_PREVIEWER = re.compile(
    r"bot\b|crawler|spider|preview|facebookexternalhit|whatsapp|embedly", re.IGNORECASE
)
"""How the programs that unfurl links name themselves; they get the page, never the file."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    with database.connection_context():
        Link.forget_deliveries()


@bp.post("/jobs/<job_id>/links/", strict_slashes=False)
def create(job_id: str) -> Response:
    """Make a share link; `expires` is one of 10m, 1h, 24h, 7d, `one_time` is on or absent."""
    job = Job.find(job_id)
    if not job.has_background:
        raise Conflict("There is no background to share yet.")
    lifetime_s, max_uses = _read_link_options()
    own = _own_link(job)
    with database.atomic():
        link = Link.create(job=job, expires_at=time.time() + lifetime_s, max_uses=max_uses)
        # Whoever shares can see the page as long as the link works, and as long as the page's own token does.
        own.extend_to(min(link.expires_at, own.created_at + MAX_AGE_S))
    if wanted_kind() == "fragment":
        return make_response(render_template("_links.html", **result_context(job)))
    return redirect_to(url_for("jobs.show", job_id=job.id), link_body(link), 201)


@bp.get("/download/<token>/", strict_slashes=False)
def download(token: str) -> Response:
    """The GIF; a person who follows the link in a browser sees first what it is."""
    link = find_live_link(token)
    if link.shared and _wants_page():
        response = make_response(render_template("receiver.html", **receiver_context(link)))
    else:
        response = deliver_gif(link)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@bp.get("/download/<token>/still.jpg")
def still(token: str) -> Response:
    """The first picture alone, for the receiver's page; looking at it uses nothing up."""
    link = find_live_link(token)
    try:
        picture = read_first_frame(services().storage.result_path(link.job_id))
    except FileNotFoundError as error:
        raise Gone from error
    return Response(picture, mimetype="image/jpeg")


def find_live_link(token: str) -> Link:
    """Give the link of a token; raises NotFound if it was never made here, Gone if it has ended."""
    link: Link | None = Link.get_or_none(Link.id == services().signer.verify_download(token))
    # Whoever holds a good signature was once given this link: its row was swept, so it has ended.
    if link is None or link.expires_at <= time.time():
        raise Gone
    if link.is_used_up:
        raise LinkUsedUp
    return link


def deliver_gif(link: Link) -> Response:
    """Send the file, counting the use when (and only when) the last byte has been sent."""
    storage, background = services().storage, services().background
    file = DeliveredFile(storage.result_path(link.job_id))
    if request.method == "GET":
        if not link.begin_delivery():
            file.close()
            raise Conflict("This link works once and is being downloaded at this moment.")
        # Not in the server's event loop, which closes the file: a locked database must stall nobody else.
        file.on_close = lambda start, stop: background.submit(
            _end_delivery, link, (start, stop, file.size_bytes), storage
        )
    # Whoever has a link that counts may go on where a download was cut, but not pick pieces without a use.
    latest_start = link.sent_bytes if link.max_uses else None
    response = deliver_file(file, "image/gif", etag=_etag(link), latest_start=latest_start)
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    if not link.max_uses:
        max_age_s = int(min(MAX_CACHE_AGE_S, link.expires_at - time.time()))
        response.headers["Cache-Control"] = f"private, max-age={max_age_s}"
    return response


def _etag(link: Link) -> str:
    """The same for every download by this link, and of no use for anything else: ids open pages."""
    return hashlib.sha256(link.id.encode()).hexdigest()[:32]


def _end_delivery(link: Link, sent: tuple[int, int, int], storage: Storage) -> None:
    """Let go of the use and count it; tried for half a minute, as a link must not stay held."""
    for _ in range(6):
        try:
            with database.connection_context():
                if link.end_delivery(*sent) and link.max_uses:
                    sweep.remove_result_if_unneeded(link.job_id, storage)
            return
        except OperationalError as error:
            log.warning("link of job %s: use not counted yet: %s", link.job_id, error)
    log.error("link of job %s stays held until the next start", link.job_id)


def _wants_page() -> bool:
    """True for a browser that navigates and for a program that previews links; not for the page's button."""
    if "file" in request.args:
        return False
    return wanted_kind() == "page" or bool(LINK_PREVIEWER.search(request.headers.get("User-Agent", "")))


def _read_link_options() -> tuple[int, int | None]:
    """Read the form: lifetime in seconds and uses; raises BadOptions naming each option that is wrong."""
    expires, one_time = request.form.get("expires", "24h"), request.form.get("one_time", "")
    wrong = []
    if expires not in EXPIRY_CHOICES_S:
        wrong.append(f"expires must be one of {', '.join(EXPIRY_CHOICES_S)}")
    if one_time not in ONE_TIME_CHOICES:
        wrong.append("one_time must be on, or left out")
    if wrong:
        raise BadOptions(f"{'; '.join(wrong)}.")
    return EXPIRY_CHOICES_S[expires], ONE_TIME_CHOICES[one_time]


# -- what pages and JSON tell of a link ------------------------------------------------------------------


def result_context(job: Job) -> dict[str, Any]:
    """A finished job's addresses and share links, for its page."""
    if not job.has_background:
        return {}
    own = _own_link(job)
    return {
        "gif_url": download_url(own),
        "still_url": still_url(own),
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
    return url_for("links.download", token=_token(link), **options)


def still_url(link: Link) -> str:
    return url_for("links.still", token=_token(link))


def _token(link: Link) -> str:
    return services().signer.sign_download(link.id, link.created_at)


def link_row(link: Link) -> dict[str, Any]:
    """A share link as _links.html lists it."""
    return {
        "url": download_url(link, _external=True),
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
    return {
        "link": link,
        "result": link.job.result,
        "file_url": download_url(link, file=1),
        "still_url": still_url(link),
    }

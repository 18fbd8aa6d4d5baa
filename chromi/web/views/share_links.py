"""A result's share links: make, list, extend, revoke.

All of it lies under the job's id, which only its maker knows. The id of a link can be read in its token by
whoever receives it, so it opens nothing by itself.
"""

from __future__ import annotations

import io
import time
from typing import Any, Literal

import segno
from flask import (
    Blueprint,
    Flask,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from chromi.db import Job, Link, database
from chromi.errors import BadOptions, ChromiError, Conflict, Gone, NotFound
from chromi.i18n import Message, join_messages
from chromi.jobs import removal
from chromi.tokens import MAX_AGE_S
from chromi.web.http.negotiation import negotiate_format, render_form_error
from chromi.web.limits import passwords
from chromi.web.limits.download_uses import refuse_ended
from chromi.web.services import services
from chromi.web.views.downloads import download_url, own_link, result_context
from chromi.web.views.jobs import job_context

bp = Blueprint("share_links", __name__)

DURATIONS_S = {"10m": 600, "1h": 3600, "24h": 86400, "7d": 7 * 86400}
USUAL_DURATION = "24h"
MAX_USES = 100
MAX_LINKS = 100
"""Of one background, the ended ones included: all stand on its page."""
MAX_DAYS = MAX_AGE_S // 86400
ONE_TIME_CHOICES = {"": None, "on": 1, "true": 1, "1": 1}

Change = Literal["made", "extended", "revoked"]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/jobs/<job_id>/links/", strict_slashes=False)
def index(job_id: str) -> Response:
    """The result's share links, the newest first."""
    job = Job.find(job_id)
    if negotiate_format() == "page":
        return _back_to(job)
    own_link(job)
    shared = job.links.where(Link.shared).order_by(Link.created_at.desc())
    return jsonify(links=[link_body(link) for link in shared])


@bp.post("/jobs/<job_id>/links/", strict_slashes=False)
def create(job_id: str) -> Response:
    """Make a share link; `expires`, `max_uses`, `one_time` and `password` say how it works."""
    job = Job.find(job_id)
    if not job.has_background:
        raise Conflict(Message("There is no background to share yet."))
    own = own_link(job)
    try:
        link = _make(own, *_read_link_options())
    except (BadOptions, Conflict) as error:
        return render_form_error(error, "job.html", **job_context(job))
    return _answer(job, link, "made", 201)


@bp.post("/jobs/<job_id>/links/<link_id>/extend", strict_slashes=False)
def extend(job_id: str, link_id: str) -> Response:
    """Let a link work longer by `by`; one that has expired works again."""
    job, link = _find(job_id, link_id)
    own = own_link(job)
    try:
        _extend(link, own, _read_duration("by"))
    except ChromiError as error:
        return render_form_error(error, "job.html", **job_context(job))
    return _answer(job, link, "extended")


@bp.post("/jobs/<job_id>/links/<link_id>/revoke", strict_slashes=False)
def revoke(job_id: str, link_id: str) -> Response:
    """End a link for good, also when that was done before; a download under way goes on to its end."""
    job, link = _find(job_id, link_id)
    link.revoke()
    answer = _answer(job, link, "revoked")
    removal.remove_result_if_unneeded(job.id, services().storage)
    return answer


@bp.get("/jobs/<job_id>/links/<link_id>/qr.svg")
def qr_code(job_id: str, link_id: str) -> Response:
    """The link's address for a camera: dark on light whatever the page's colors are, as readers want it."""
    _, link = _find(job_id, link_id)
    refuse_ended(link)
    code = segno.make(download_url(link, _external=True), error="m", micro=False)
    drawing = io.BytesIO()
    code.save(drawing, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return Response(drawing.getvalue(), mimetype="image/svg+xml")


def _make(own: Link, lifetime_s: int, max_uses: int | None, password: str) -> Link:
    """Make a share link beside the page's own; raises Conflict when there are enough, and Gone."""
    _check_number(own)  # before a password is hashed, which takes its time
    password_hash = passwords.hash_password(password) if password else None
    with database.atomic("IMMEDIATE"):
        _check_number(own)
        link = Link.create(
            job=own.job_id,
            expires_at=time.time() + lifetime_s,
            max_uses=max_uses,
            password_hash=password_hash,
        )
        _keep_page(own, link)
    return link


def _check_number(own: Link) -> None:
    links = Link.select().where(Link.job == own.job_id)
    if not links.exists():
        raise Gone  # swept meanwhile
    if links.where(Link.shared).count() >= MAX_LINKS:
        raise Conflict(
            Message("A background has %(limit)s links at most. Use one that is there.", limit=MAX_LINKS)
        )


def _find(job_id: str, link_id: str) -> tuple[Job, Link]:
    """Give a job's share link; raises NotFound, also when it is another job's."""
    job = Job.find(job_id)
    link: Link | None = job.links.where(Link.shared, Link.id == link_id).first()
    if link is None:
        raise NotFound(Message("This background has no such link."))
    return job, link


def _extend(link: Link, own: Link, seconds: int) -> None:
    """Let it and the maker's page live longer; raises Conflict when that would not help it or cannot be."""
    with database.atomic():
        if link.extend_by(seconds, latest=link.created_at + MAX_AGE_S):
            _keep_page(own, Link.find(link.id))
            return
    raise Conflict(
        {
            "revoked": Message("This link was revoked. Make a new one."),
            "used_up": Message("Every download of this link has been used. Make a new one."),
        }.get(
            link.state,
            Message("A link works for %(days)s days at most. Make a new one for later.", days=MAX_DAYS),
        )
    )


def _keep_page(own: Link, link: Link) -> None:
    """Whoever shares can see the page as long as the link works, and as long as the page's own token does."""
    own.extend_to(min(link.expires_at, own.created_at + MAX_AGE_S))


# -- what a form says --------------------------------------------------------------------------------------


def _read_link_options() -> tuple[int, int | None, str]:
    """Read lifetime in seconds, uses and password; raises BadOptions naming each option that is wrong."""
    form, wrong = request.form, []
    expires, password = form.get("expires") or USUAL_DURATION, form.get("password", "")
    max_uses, one_time = form.get("max_uses", "").strip(), form.get("one_time", "")
    if expires not in DURATIONS_S:
        wrong.append(_one_of_durations("expires"))
    if max_uses and max_uses not in map(str, range(1, MAX_USES + 1)):
        wrong.append(
            Message("max_uses must be a whole number from 1 to %(highest)s, or left out", highest=MAX_USES)
        )
    if one_time not in ONE_TIME_CHOICES:
        wrong.append(Message("one_time must be on, or left out"))
    elif one_time and max_uses not in ("", "1"):
        wrong.append(Message("one_time and max_uses contradict each other"))
    if password and not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        wrong.append(
            Message(
                "password must have %(shortest)s to %(longest)s characters",
                shortest=passwords.MIN_LENGTH,
                longest=passwords.MAX_LENGTH,
            )
        )
    if wrong:
        raise BadOptions(join_messages(wrong))
    return DURATIONS_S[expires], int(max_uses) if max_uses else ONE_TIME_CHOICES[one_time], password


def _read_duration(name: str) -> int:
    """Read one of the durations, in seconds; raises BadOptions."""
    duration = request.form.get(name) or USUAL_DURATION
    if duration not in DURATIONS_S:
        raise BadOptions(join_messages([_one_of_durations(name)]))
    return DURATIONS_S[duration]


def _one_of_durations(name: str) -> Message:
    return Message("%(name)s must be %(words)s", name=name, words=tuple(DURATIONS_S))


# -- what pages and JSON tell ------------------------------------------------------------------------------


def _answer(job: Job, link: Link, change: Change, status: int = 200) -> Response:
    """Tell of a link that was just changed: its JSON, the list of all links, or the way back to the page."""
    match negotiate_format():
        case "json":
            return make_response(jsonify(link_body(Link.find(link.id))), status)
        case "fragment":
            shown = {"change": change, "changed_id": link.id, **result_context(job)}
            return make_response(render_template("_links.html", job=job, **shown))
        case "page":
            return _back_to(job)


def _back_to(job: Job) -> Response:
    return make_response(redirect(url_for("jobs.show", job_id=job.id, _anchor="links"), 303))


def link_body(link: Link) -> dict[str, Any]:
    """A share link as JSON."""
    address: dict[str, Any] = {"job_id": link.job_id, "link_id": link.id}
    return {
        "link_id": link.id,
        "url": download_url(link, _external=True),
        "state": link.state,
        "expires_at": link.expiry.isoformat(timespec="seconds"),
        "max_uses": link.max_uses,
        "uses": link.uses,
        "uses_left": link.uses_left,
        "has_password": link.password_hash is not None,
        "extend_url": url_for("share_links.extend", **address),
        "revoke_url": url_for("share_links.revoke", **address),
        "qr_url": url_for("share_links.qr_code", **address),
    }

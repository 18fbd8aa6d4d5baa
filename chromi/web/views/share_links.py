"""Create, list, extend and revoke a result's share links.

All URLs contain the job's id, which only its owner knows. Recipients know the start of a link's id from its
token.
"""

from __future__ import annotations

import io
import time
from typing import Literal

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

from chromi.db import MAX_LINK_AGE_S, Job, Link, database, exclusive_transaction
from chromi.errors import BadOptions, ChromiError, Conflict, Gone, NotFound
from chromi.i18n import Message
from chromi.jobs.removal import remove_result_if_unneeded
from chromi.web.auth import link_passwords
from chromi.web.http.error_handlers import render_form_error
from chromi.web.http.negotiation import negotiate_format
from chromi.web.link_download import check_not_ended
from chromi.web.presenters.job_presenter import job_page
from chromi.web.presenters.link_presenter import (
    download_url,
    own_link,
    result_page_links,
    share_link_json,
)
from chromi.web.services import services
from chromi.web.views.share_link_form import LinkOptions, parse_duration, parse_link_options

bp = Blueprint("share_links", __name__)

MAX_LINKS = 100
"""Limit per result, including ended links, because all of them are listed on its page."""
MAX_DAYS = MAX_LINK_AGE_S // 86400

Change = Literal["made", "extended", "revoked"]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/jobs/<job_id>/links/", strict_slashes=False)
def index(job_id: str) -> Response:
    """List the result's share links, newest first."""
    job = Job.find(job_id)
    if negotiate_format() == "page":
        return _redirect_to_page(job)
    _own_link(job)
    shared = job.links.where(Link.shared).order_by(Link.created_at.desc())
    return jsonify(links=[share_link_json(link) for link in shared])


@bp.post("/jobs/<job_id>/links/", strict_slashes=False)
def create(job_id: str) -> Response:
    """Create a share link from the form's `expires`, `max_uses`, `one_time` and `password`."""
    job = Job.find(job_id)
    own = _own_link(job)
    try:
        link = _create(own, parse_link_options(request.form))
    except (BadOptions, Conflict) as error:
        return render_form_error(error, "job.html", **job_page(job))
    return _render_change(job, link, "made", 201)


@bp.post("/jobs/<job_id>/links/<link_id>/extend", strict_slashes=False)
def extend(job_id: str, link_id: str) -> Response:
    """Extend a link by the duration in the `by` field. An expired link works again."""
    job, link = _find(job_id, link_id)
    own = own_link(job)
    try:
        _extend(link, own, parse_duration(request.form, "by"))
    except ChromiError as error:
        return render_form_error(error, "job.html", **job_page(job))
    return _render_change(job, link, "extended")


@bp.post("/jobs/<job_id>/links/<link_id>/revoke", strict_slashes=False)
def revoke(job_id: str, link_id: str) -> Response:
    """Revoke a link, even if it is already revoked. A download in progress continues to its end."""
    job, link = _find(job_id, link_id)
    link.revoke()
    response = _render_change(job, link, "revoked")
    remove_result_if_unneeded(job.id, services().storage)
    return response


@bp.get("/jobs/<job_id>/links/<link_id>/qr.svg")
def qr_code(job_id: str, link_id: str) -> Response:
    """Render the link as a QR code. It is dark on light whatever the page's colors, as readers require."""
    _, link = _find(job_id, link_id)
    check_not_ended(link)
    code = segno.make(download_url(link, _external=True), error="m", micro=False)
    svg = io.BytesIO()
    code.save(svg, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    return Response(svg.getvalue(), mimetype="image/svg+xml")


def _own_link(job: Job) -> Link:
    """Return the result page's own link. Raises Conflict if there is no result yet, and Gone."""
    if not job.has_background:
        raise Conflict(Message("There is no background to share yet."))
    return own_link(job)


def _create(own: Link, options: LinkOptions) -> Link:
    """Create a share link. Raises Conflict if there are already MAX_LINKS, and Gone."""
    _check_link_count(own)  # check this first, because hashing the password is slow
    password_hash = link_passwords.hash_password(options.password) if options.password else None
    with exclusive_transaction(own):
        _check_link_count(own)
        link = Link.create(
            job=own.job_id,
            expires_at=time.time() + options.lifetime_s,
            max_uses=options.max_uses,
            password_hash=password_hash,
        )
        _extend_own_link(own, link)
    return link


def _check_link_count(own: Link) -> None:
    links = Link.select().where(Link.job == own.job_id)
    if not links.exists():
        raise Gone  # removed in the meantime
    if links.where(Link.shared).count() >= MAX_LINKS:
        raise Conflict(
            Message("A background can have at most %(limit)s links. Use an existing one.", limit=MAX_LINKS)
        )


def _find(job_id: str, link_id: str) -> tuple[Job, Link]:
    """Return a job and its share link. Raises NotFound, including for another job's link."""
    job = Job.find(job_id)
    link: Link | None = job.links.where(Link.shared, Link.id == link_id).first()
    if link is None:
        raise NotFound(Message("This link doesn’t exist."))
    return job, link


def _extend(link: Link, own: Link, seconds: int) -> None:
    """Extend a link and the result page. Raises Conflict if the link cannot be extended."""
    with database.atomic():
        if link.extend_by(seconds, latest=link.created_at + MAX_LINK_AGE_S):
            _extend_own_link(own, Link.find(link.id))
            return
    raise Conflict(
        {
            "revoked": Message("This link was revoked. Create a new one."),
            "used_up": Message("This link has reached its download limit. Create a new one."),
        }.get(
            link.state,
            Message(
                "A link lasts at most %(days)s days. Create a new one if you need longer.", days=MAX_DAYS
            ),
        )
    )


def _extend_own_link(own: Link, link: Link) -> None:
    """Keep the result page, where the share link can be revoked, at least as long as the link."""
    own.extend_to(link.expires_at)


def _render_change(job: Job, link: Link, change: Change, status: int = 200) -> Response:
    """Render a changed link: its JSON, the list of all links, or a redirect to the page."""
    match negotiate_format():
        case "json":
            return make_response(jsonify(share_link_json(Link.find(link.id))), status)
        case "fragment":
            context = {"change": change, "changed_id": link.id, **result_page_links(job)}
            return make_response(render_template("_share_links.html", job=job, **context))
        case "page":
            return _redirect_to_page(job)


def _redirect_to_page(job: Job) -> Response:
    return make_response(redirect(url_for("jobs.show", job_id=job.id, _anchor="links"), 303))

"""/admin/ for whoever hosts Chromi: the queue, what runs, what failed and why; not there without a token.

It speaks English: its readers are those of the log. The token is never part of an address; a browser trades
it for a signed cookie that ends with the token.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for

from chromi.client_networks import widest_network_of
from chromi.config import VERSION
from chromi.db import Job, JobKind, RateLimit, State, Upload
from chromi.db.worker import WORKER_TIMEOUT_S
from chromi.errors import ChromiError, Conflict, NotFound
from chromi.jobs import removal
from chromi.monitoring.health_checks import check_service
from chromi.monitoring.stats import look
from chromi.tokens import ADMIN_SESSION_MAX_AGE_S
from chromi.web.http.negotiation import render_form_error
from chromi.web.services import services
from chromi.web.views import jobs

bp = Blueprint("admin", __name__, url_prefix="/admin")

COOKIE = "chromi_admin"
SHOWN = 50
"""So many jobs are listed of each state."""

TRIES = RateLimit("admin token", 10, window_s=600)
"""For each address."""


class TokenNeeded(ChromiError):
    """Nobody has shown the host's token."""

    status_code = 401
    code = "token_needed"


class WrongToken(ChromiError):
    """The host's token is another one."""

    status_code = 403
    code = "wrong_token"


class TooManyTokens(ChromiError):
    """This address has tried too often."""

    status_code = 429
    code = "too_many_tries"


def init_app(app: Flask) -> None:
    if app.extensions["chromi"].settings.admin_token:
        app.register_blueprint(bp)


@bp.before_request
def require_token() -> Response | None:
    """Let the host pass; everybody else is asked for the token."""
    request.environ["HTTP_ACCEPT_LANGUAGE"] = "en"  # whatever the browser likes: else a page in two
    if request.endpoint == "admin.login" or _has_cookie():
        return None
    try:
        _check_token(_sent_token())
    except ChromiError as error:
        return render_form_error(error, "admin_login.html")
    return None


@bp.get("/", strict_slashes=False)
def show() -> Response:
    settings, storage = services().settings, services().storage
    return make_response(
        render_template(
            "admin.html",
            version=VERSION,
            now=datetime.now(UTC),
            wrong=[check for check in check_service(settings, services().queue) if not check.ok],
            stats=look(settings, storage),
            silence_s=WORKER_TIMEOUT_S,
            running=_listed(State.IN_PROGRESS),
            waiting=_listed(State.QUEUED),
            failed=_listed(State.FAILED),
        )
    )


@bp.post("/login", strict_slashes=False)
def login() -> Response:
    """Trade the token for a cookie."""
    try:
        _check_token(request.form.get("token"))
    except ChromiError as error:
        return render_form_error(error, "admin_login.html")
    response = _back()
    response.set_cookie(
        COOKIE,
        services().signer.sign_admin_session(_fingerprint()),
        max_age=ADMIN_SESSION_MAX_AGE_S,
        path=url_for("admin.show").rstrip("/"),
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return response


@bp.post("/logout", strict_slashes=False)
def logout() -> Response:
    response = _back()
    response.delete_cookie(COOKIE, path=url_for("admin.show").rstrip("/"))
    return response


@bp.post("/jobs/<job_id>/cancel", strict_slashes=False)
def cancel(job_id: str) -> Response:
    if not Job.cancel(job_id):
        raise Conflict(f"Job {Job.find(job_id).id} has ended already.")
    removal.after_job(Job.find(job_id), services().storage)
    return _back()


@bp.post("/jobs/<job_id>/retry", strict_slashes=False)
def retry(job_id: str) -> Response:
    """Start the same job once more: nothing leaves a final state, so it is a new one."""
    job = Job.find(job_id)
    if job.upload is None:
        raise NotFound(Upload.missing_message())
    jobs.start_job(job.upload, job.options, JobKind(job.kind))
    return _back()


def _listed(state: State) -> list[dict[str, Any]]:
    """What the page says of the jobs in a state: those that wait in their order, others the latest first."""
    is_queue = state == State.QUEUED
    order = (Job.priority.desc(), Job.created_at) if is_queue else (Job.created_at.desc(),)
    found = Job.select().where(Job.state == state).order_by(*order).limit(SHOWN)
    return [{"job": job, "since": _since(job), "can_retry": job.upload_id is not None} for job in found]


def _since(job: Job) -> datetime:
    return datetime.fromtimestamp(job.finished_at or job.started_at or job.created_at, UTC)


def _back() -> Response:
    return make_response(redirect(url_for("admin.show"), 303))


# -- who is let in ----------------------------------------------------------------------------------------


def shows_token() -> bool:
    """Tell whether the request carries the admin token; raises WrongToken and TooManyTokens for another one.

    Only as `Bearer`: a proxy with passwords of its own passes `Basic` on. False if there is no admin token.
    """
    sent = request.authorization
    if sent is None or sent.type != "bearer" or not services().settings.admin_token:
        return False
    _check_token(sent.token)
    return True


def _sent_token() -> str | None:
    """Give what came as `Authorization: Bearer` or as the password of `Basic`, as curl sends it."""
    sent = request.authorization
    return (sent.token or sent.password) if sent else None


def _check_token(token: str | None) -> None:
    """Raise unless it is the host's; wrong ones are counted by the network they come from.

    The right one is never refused: else anybody behind the host's address could keep the host out. It has 16
    characters or more, which nobody guesses.
    """
    if token is None:
        raise TokenNeeded("Show the token (CHROMI_OPS_TOKEN), as “Authorization: Bearer …” or in this form.")
    if hmac.compare_digest(token.encode(), services().settings.admin_token.encode()):
        return
    client = services().admission.client_of(request.remote_addr)
    taker = widest_network_of(client) if client else "near"
    if not TRIES.take(taker):
        raise TooManyTokens("There were too many wrong tokens. Try again later.", wait_s=TRIES.wait_s(taker))
    raise WrongToken("That is not the token.")


def _has_cookie() -> bool:
    return services().signer.verify_admin_session(request.cookies.get(COOKIE, ""), _fingerprint())


def _fingerprint() -> str:
    """What tells one token from the next without telling the token."""
    return hashlib.sha256(services().settings.admin_token.encode()).hexdigest()

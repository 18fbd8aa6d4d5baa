"""The admin pages: the queue, running jobs, and why jobs failed. They are only available if a token is set.

These pages are in English, like the log, because they have the same readers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for

from chromi.config import VERSION
from chromi.db import WORKER_TIMEOUT_S, Job, State
from chromi.errors import ChromiError, Conflict
from chromi.jobs.removal import remove_job_leftovers
from chromi.monitoring.health_checks import check_service
from chromi.monitoring.stats import collect_stats
from chromi.web.auth import admin_token
from chromi.web.http.error_handlers import render_form_error
from chromi.web.services import services
from chromi.web.views.retry import submit_again

bp = Blueprint("admin", __name__, url_prefix="/admin")

MAX_LISTED = 50
"""The maximum number of jobs listed for each state."""


def init_app(app: Flask) -> None:
    if app.extensions["chromi"].settings.admin_token:
        app.register_blueprint(bp)


@bp.before_request
def require_login() -> Response | None:
    """Show the login page unless the request has the token or a session."""
    # Otherwise, numbers and dates would be in another language than the page.
    request.environ["HTTP_ACCEPT_LANGUAGE"] = "en"
    if request.endpoint == "admin.login":
        return None
    try:
        admin_token.require_token()
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
            wrong=[check for check in check_service(settings, services().queue, storage) if not check.ok],
            stats=collect_stats(settings, storage),
            worker_timeout_s=WORKER_TIMEOUT_S,
            running=_list_jobs(State.IN_PROGRESS),
            waiting=_list_jobs(State.QUEUED),
            failed=_list_jobs(State.FAILED),
        )
    )


@bp.get("/login", strict_slashes=False)
def show_login() -> Response:
    """Redirect a reload after a failed login, which has no form data, to the page with the form."""
    return _redirect_to_start()


@bp.post("/login", strict_slashes=False)
def login() -> Response:
    """Exchange the token for a session cookie."""
    try:
        admin_token.check_token(request.form.get("token"))
    except ChromiError as error:
        return render_form_error(error, "admin_login.html")
    response = _redirect_to_start()
    admin_token.start_session(response, _cookie_path())
    return response


@bp.post("/logout", strict_slashes=False)
def logout() -> Response:
    response = _redirect_to_start()
    response.delete_cookie(admin_token.COOKIE, path=_cookie_path())
    return response


@bp.post("/jobs/<job_id>/cancel", strict_slashes=False)
def cancel(job_id: str) -> Response:
    if not Job.cancel(job_id):
        raise Conflict(f"Job {Job.find(job_id).id} has already ended.")
    remove_job_leftovers(Job.find(job_id), services().storage)
    return _redirect_to_start()


@bp.post("/jobs/<job_id>/retry", strict_slashes=False)
def retry(job_id: str) -> Response:
    """Start a new job with the same options. A job never leaves its final state."""
    job = Job.find(job_id)
    submit_again(job, job.options)
    return _redirect_to_start()


def _list_jobs(state: State) -> list[dict[str, Any]]:
    """List jobs as admin.html shows them: waiting jobs in queue order, other jobs latest first."""
    is_queue = state == State.QUEUED
    order = (Job.priority.desc(), Job.created_at) if is_queue else (Job.created_at.desc(),)
    jobs = Job.select().where(Job.state == state).order_by(*order).limit(MAX_LISTED)
    return [{"job": job, "since": _since(job), "can_retry": job.upload_id is not None} for job in jobs]


def _since(job: Job) -> datetime:
    return datetime.fromtimestamp(job.finished_at or job.started_at or job.created_at, UTC)


def _redirect_to_start() -> Response:
    return make_response(redirect(url_for("admin.show"), 303))


def _cookie_path() -> str:
    return url_for("admin.show").rstrip("/")

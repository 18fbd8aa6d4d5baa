"""Show a job as a page, fragment or JSON, and cancel it."""

from __future__ import annotations

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

from chromi.db import Job, State, Upload
from chromi.encoder import OPTIONS, ConversionOptions
from chromi.errors import AlreadyRunning, Conflict
from chromi.i18n import Message
from chromi.jobs.removal import remove_job_leftovers
from chromi.web.http.error_handlers import render_error
from chromi.web.http.negotiation import negotiate_format, redirect_browser, redirect_or_json
from chromi.web.presenters.job_presenter import enqueued_json, job_json, job_page
from chromi.web.services import services

bp = Blueprint("jobs", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.register_error_handler(AlreadyRunning, redirect_to_running_job)


@bp.get("/jobs/<job_id>/", strict_slashes=False)
def show(job_id: str) -> Response:
    job = Job.find(job_id)
    if negotiate_format() == "json":
        return jsonify(job_json(job))
    return make_response(render_template("job.html", **job_page(job)))


@bp.get("/jobs/<job_id>/status")
def status(job_id: str) -> str:
    return render_template("_job.html", **job_page(Job.find(job_id)))


@bp.post("/jobs/<job_id>/cancel", strict_slashes=False)
def cancel(job_id: str) -> Response:
    """Cancel an unfinished job. Its worker stops ffmpeg when it next renews the lease.

    Without script, a job that has just ended leads to its page.
    """
    job = Job.find(job_id)
    if not Job.cancel(job.id) and Job.find(job.id).state != State.CANCELLED:
        if negotiate_format() == "page":
            return make_response(redirect(url_for("jobs.show", job_id=job.id), 303))
        raise Conflict(Message("This job has already ended and can’t be canceled."))
    remove_job_leftovers(Job.find(job.id), services().storage)
    job = Job.find(job.id)
    match negotiate_format():
        case "json":
            return make_response(jsonify(job_json(job)), 202)
        case "fragment":
            return make_response(render_template("_job.html", **job_page(job)))
        case "page":
            return make_response(redirect(url_for("jobs.show", job_id=job.id), 303))


# -- shared with the views that start jobs ---------------------------------------------------------------


def parse_options(upload: Upload) -> ConversionOptions:
    """Parse the form. Raises BadOptions listing each invalid option."""
    options = ConversionOptions.parse(**{name: request.form.get(name, "") for name in OPTIONS})
    options.check_against(upload.complete_info())
    return options


def redirect_to_job(job: Job) -> Response:
    """Redirect a person to the job's page, and tell a program where to poll."""
    return redirect_or_json(url_for("jobs.show", job_id=job.id), enqueued_json(job), 202)


def render_job_fragment(job: Job, status_code: int = 200) -> Response:
    """Render the fragment for a job's kind with the job's current state.

    Without a queue, it has already run.
    """
    context = job_page(Job.find(job.id))
    return make_response(render_template(context["job_type"].fragment, **context), status_code)


def redirect_to_running_job(error: AlreadyRunning) -> Response:
    """Redirect a duplicate request to the running job; tell a program that no job was started."""
    status_url = url_for("jobs.show", job_id=error.job_id)
    if negotiate_format() == "json":
        return render_error(error, job_id=error.job_id, status_url=status_url)
    return redirect_browser(status_url)

"""Start another job for an earlier job's clip: retry it, or make a smaller file."""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from chromi.db import Job, JobKind
from chromi.encoder import ConversionOptions
from chromi.errors import ClipNotFound, Conflict
from chromi.i18n import Message
from chromi.web.submission import submit_job
from chromi.web.views.clip_analysis import has_preview, redirect_to_preview
from chromi.web.views.jobs import redirect_to_job

bp = Blueprint("retry", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/jobs/<job_id>/again", strict_slashes=False)
def retry(job_id: str) -> Response:
    """Start the same job again, for example after a failure unrelated to the clip.

    A preview depends only on the clip, so an existing one is returned as for any other request for it.
    """
    job = Job.find(job_id)
    if job.kind == JobKind.PREVIEW and job.upload_id and has_preview(job.upload_id):
        return redirect_to_preview(job.upload_id)
    return redirect_to_job(submit_again(job, job.options))


@bp.post("/jobs/<job_id>/smaller", strict_slashes=False)
def shrink(job_id: str) -> Response:
    """Make the same background in half the bytes. Its frames are still cached."""
    job = Job.find(job_id)
    if not job.has_background:
        raise Conflict(Message("There is no background to make smaller yet."))
    return redirect_to_job(submit_again(job, job.shrunk_options))


def submit_again(job: Job, options: ConversionOptions) -> Job:
    """Submit a job of the same kind for the same clip. Raises NotFound if the clip has been deleted."""
    if job.upload is None:
        raise ClipNotFound
    return submit_job(job.upload, options, JobKind(job.kind))

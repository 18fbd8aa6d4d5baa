"""Another job on the clip of an earlier one: the same again, or the same in fewer bytes."""

from __future__ import annotations

from flask import Blueprint, Flask, Response

from chromi.db import Job, JobKind, Upload
from chromi.encoder import ConversionOptions
from chromi.errors import Conflict, NotFound
from chromi.i18n import Message
from chromi.web.views import jobs

bp = Blueprint("retry", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/jobs/<job_id>/again", strict_slashes=False)
def retry(job_id: str) -> Response:
    """Start the same job once more, such as when it failed through no fault of the clip."""
    job = Job.find(job_id)
    return _start(job, job.options)


@bp.post("/jobs/<job_id>/smaller", strict_slashes=False)
def shrink(job_id: str) -> Response:
    """Make the same background in half the bytes; its frames are still kept, so it need not be read again."""
    job = Job.find(job_id)
    if not job.has_background:
        raise Conflict(Message("There is no background yet that could be made smaller."))
    return _start(job, job.shrunk_options)


def _start(earlier: Job, options: ConversionOptions) -> Response:
    """Raises NotFound once the clip is gone."""
    if earlier.upload is None:
        raise NotFound(Upload.missing_message())
    start = jobs.start_job if earlier.kind == JobKind.CONVERT else jobs.start_only
    return jobs.answer_started(start(earlier.upload, options, JobKind(earlier.kind)))

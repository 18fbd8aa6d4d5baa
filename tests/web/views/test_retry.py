"""A failed job can be retried, and a large result shrunk, without a new upload."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, JobKind, State
from chromi.db.job import LARGE_BYTES
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import CannotFit, DiskFull, EncodeError, NoFrames
from chromi.errors import BadOptions, ChromiError, NotAVideo
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE

pytestmark = pytest.mark.slow


@pytest.fixture
def failed_job(upload: str) -> Job:
    options = ConversionOptions(start_s=7.8, duration_s=1.0, zoom=1.5, darken_percent=30.0)
    job = Job.create(upload=upload, options_json=options.to_dict())
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.fail(DiskFull())
    return Job.find(job.id)


def set_result(job: Job, upload: str | None, size_bytes: int) -> str:
    """Set the upload of a finished job and the size of its result; return the URL of its page."""
    assert job.result
    result = replace(job.result, bytes=size_bytes)
    Job.update(result_json={"result": result.to_dict()}, upload=upload).where(Job.id == job.id).execute()
    return f"/jobs/{job.id}/"


def test_retry_uses_the_same_upload_and_options(client: FlaskClient, failed_job: Job) -> None:
    page = client.get(f"/jobs/{failed_job.id}/", headers=PAGE).text
    assert f'action="/jobs/{failed_job.id}/again"' in page
    response = client.post(f"/jobs/{failed_job.id}/again")
    assert response.status_code == 202
    new_job = Job.find(response.get_json()["job_id"])
    assert new_job.id != failed_job.id
    assert new_job.options == failed_job.options
    assert new_job.state == State.SUCCESS


@pytest.mark.usefixtures("without_worker")
def test_browser_is_redirected_to_the_new_job(client: FlaskClient, failed_job: Job) -> None:
    response = client.post(f"/jobs/{failed_job.id}/again", headers=PAGE)
    assert response.status_code == 303
    assert response.location != f"/jobs/{failed_job.id}/"


@pytest.mark.parametrize(
    ("error", "advice", "buttons"),
    [
        (NoFrames(), "Choose another start time", ["Edit"]),
        (CannotFit.under(1e6, 2_000_000), "Raise the limit", ["Edit"]),
        (EncodeError(), "Try another part", ["Edit", "Try again"]),
        (DiskFull(), "Please try again later", ["Try again", "Edit"]),
    ],
)
def test_page_of_a_failed_job_has_advice_for_the_error(
    client: FlaskClient, failed_job: Job, error: EncodeError, advice: str, buttons: list[str]
) -> None:
    Job.update(error_code=error.code, error_message=error.user_message).execute()
    page = client.get(f"/jobs/{failed_job.id}/", headers=PAGE).text
    assert error.user_message in page
    assert advice in page
    main = page.split('<section id="job"', 1)[1].split("</section>", 1)[0]
    assert re.findall(r'class="button[^>]*>([^<]+)</', main) == [*buttons, "Use another video"]
    assert "start_time=00:00:07.800" in page, "the settings are lost"


@pytest.mark.parametrize("kind", [ChromiError, BadOptions, NotAVideo, *EncodeError.__subclasses__()])
@pytest.mark.parametrize("has_upload", [True, False])
def test_page_of_a_failed_job_shows_every_error(
    client: FlaskClient, failed_job: Job, kind: type[ChromiError], has_upload: bool
) -> None:
    error = kind("The reason.")
    upload = failed_job.upload_id if has_upload else None
    Job.update(error_code=error.code, error_message=error.user_message, upload=upload).execute()
    page = client.get(f"/jobs/{failed_job.id}/", headers=PAGE).text
    assert "Something went wrong" in page or "Your background couldn’t be made" in page
    assert error.user_message in page
    assert ("Your video and settings are saved." in page) is has_upload
    assert ("Start over" in page) is not has_upload


def test_existing_preview_is_not_made_again(client: FlaskClient, upload: str, storage: Storage) -> None:
    queued = Job.create(upload=upload, kind=JobKind.PREVIEW, options_json=ConversionOptions().to_dict())
    running = Job.claim(queued.id, "worker-1")
    assert running
    assert running.succeed({})
    storage.preview_path(upload).write_bytes(b"preview")
    url = f"/uploads/{upload}/preview"
    response = client.post(f"/jobs/{queued.id}/again")
    assert response.status_code == 200
    assert response.get_json() == {"preview_url": url}
    assert client.post(f"/jobs/{queued.id}/again", headers=FRAGMENT).headers["HX-Redirect"] == url
    assert Job.select().count() == 1


def test_retry_of_a_preview_leads_to_the_page_of_the_new_job(client: FlaskClient, upload: str) -> None:
    failed = Job.create(upload=upload, kind=JobKind.PREVIEW, options_json=ConversionOptions().to_dict())
    running = Job.claim(failed.id, "worker-1")
    assert running
    assert running.fail(DiskFull())
    response = client.post(f"/jobs/{failed.id}/again", headers=FRAGMENT)
    new_job = Job.get(Job.kind == JobKind.PREVIEW, Job.id != failed.id)
    assert response.headers["HX-Redirect"] == f"/jobs/{new_job.id}/"


@pytest.mark.parametrize("action", ["again", "smaller"])
def test_retry_without_upload_gets_404(client: FlaskClient, job: Job, action: str) -> None:
    response = client.post(f"/jobs/{job.id}/{action}")
    assert response.status_code == 404
    assert "upload yours again" in response.get_json()["error"]["message"]
    assert "Make it smaller" not in client.get(f"/jobs/{job.id}/", headers=PAGE).text


def test_only_a_finished_job_can_be_shrunk(client: FlaskClient, failed_job: Job) -> None:
    assert client.post(f"/jobs/{failed_job.id}/smaller").status_code == 409
    assert client.post(f"/jobs/{'0' * 32}/smaller").status_code == 404


@pytest.mark.parametrize(
    ("size_bytes", "max_mb"), [(30_000_000, 15.0), (90_000_000, 30.0), (5_180_000, 2.5), (1000, 0.1)]
)
def test_shrinking_halves_the_size_with_an_upper_limit(
    client: FlaskClient, job: Job, upload: str, size_bytes: int, max_mb: float
) -> None:
    set_result(job, upload, size_bytes)
    assert Job.find(job.id).shrunk_options == replace(job.options, max_mb=max_mb)


def test_page_warns_about_a_large_result(client: FlaskClient, job: Job, upload: str) -> None:
    heavy = client.get(set_result(job, upload, LARGE_BYTES + 1), headers=PAGE).text
    assert "This is a large background" in heavy
    assert "would be at most 15 MB" in heavy
    light = client.get(set_result(job, upload, LARGE_BYTES), headers=PAGE).text
    assert "This is a large background" not in light
    assert "Make it smaller" in light
    without_upload = client.get(set_result(job, None, LARGE_BYTES + 1), headers=PAGE).text
    assert "Make it smaller" not in without_upload

"""Another job on the same clip: once more, or smaller."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, State
from chromi.db.job import LARGE_BYTES
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import CannotFit, DiskFull, EncodeError, NoFrames
from chromi.errors import BadOptions, ChromiError, NotAVideo
from tests.support.http_forms import PAGE


@pytest.fixture
def failed(upload: str) -> Job:
    job = Job.create(upload=upload, options_json=ConversionOptions(start_s=1.5, duration_s=1.0).to_dict())
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.fail(DiskFull())
    return Job.find(job.id)


def with_bytes(job: Job, upload: str | None, size_bytes: int) -> str:
    """Give a finished job a clip again and let its result be this large; returns its address."""
    assert job.result
    result = replace(job.result, bytes=size_bytes)
    Job.update(result_json={"result": result.to_dict()}, upload=upload).where(Job.id == job.id).execute()
    return f"/jobs/{job.id}/"


@pytest.mark.slow
def test_a_failed_job_is_tried_again_without_a_new_upload(client: FlaskClient, failed: Job) -> None:
    page = client.get(f"/jobs/{failed.id}/", headers=PAGE).text
    assert f'action="/jobs/{failed.id}/again"' in page
    answer = client.post(f"/jobs/{failed.id}/again")
    assert answer.status_code == 202
    again = Job.find(answer.get_json()["job_id"])
    assert again.id != failed.id
    assert again.options == failed.options
    assert again.state == State.SUCCESS


@pytest.mark.slow
def test_a_browser_is_sent_to_the_new_job(client: FlaskClient, failed: Job) -> None:
    answer = client.post(f"/jobs/{failed.id}/again", headers=PAGE)
    assert answer.status_code == 303
    assert answer.location != f"/jobs/{failed.id}/"


@pytest.mark.parametrize(
    ("error", "advice", "first_way"),
    [
        (NoFrames(), "Move your six seconds", "Change something"),
        (CannotFit.under(1e6, 2_000_000), "Allow a larger file", "Change something"),
        (EncodeError(), "Another part of the clip", "Change something"),
        (DiskFull(), "Room is made every minute", "Try again"),
    ],
)
def test_each_failure_says_what_to_try(
    client: FlaskClient, failed: Job, error: EncodeError, advice: str, first_way: str
) -> None:
    Job.update(error_code=error.code, error_message=error.user_message).execute()
    page = client.get(f"/jobs/{failed.id}/", headers=PAGE).text
    assert error.user_message in page
    assert advice in page
    assert first_way in page.split("button primary", 1)[1].split("</", 1)[0]
    assert "start_time=00:00:01.500" in page, "the settings are kept"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ChromiError, BadOptions, NotAVideo, *EncodeError.__subclasses__()])
@pytest.mark.parametrize("is_here", [True, False])
def test_every_failure_is_said_and_leads_on(
    client: FlaskClient, failed: Job, kind: type[ChromiError], is_here: bool
) -> None:
    error = kind("What happened.")
    upload = failed.upload_id if is_here else None
    Job.update(error_code=error.code, error_message=error.user_message, upload=upload).execute()
    page = client.get(f"/jobs/{failed.id}/", headers=PAGE).text
    assert "This did not work" in page
    assert error.user_message in page
    assert ("Your clip and your settings are still here." in page) is is_here
    assert ("Start again" in page) is not is_here


@pytest.mark.parametrize("way", ["again", "smaller"])
def test_a_clip_that_is_gone_is_said(client: FlaskClient, job: Job, way: str) -> None:
    answer = client.post(f"/jobs/{job.id}/{way}")
    assert answer.status_code == 404
    assert "upload it again" in answer.get_json()["error"]["message"]
    assert "Make it smaller" not in client.get(f"/jobs/{job.id}/", headers=PAGE).text


def test_only_a_background_can_be_made_smaller(client: FlaskClient, failed: Job) -> None:
    assert client.post(f"/jobs/{failed.id}/smaller").status_code == 409
    assert client.post(f"/jobs/{'0' * 32}/smaller").status_code == 404


@pytest.mark.parametrize(
    ("size_bytes", "max_mb"), [(30_000_000, 15.0), (90_000_000, 20.0), (5_180_000, 2.5), (1000, 0.1)]
)
def test_smaller_means_half_and_never_heavy(
    client: FlaskClient, job: Job, upload: str, size_bytes: int, max_mb: float
) -> None:
    with_bytes(job, upload, size_bytes)
    assert Job.find(job.id).shrunk_options == replace(job.options, max_mb=max_mb)


def test_a_large_one_is_warned_of_once_it_is_heavy(client: FlaskClient, job: Job, upload: str) -> None:
    heavy = client.get(with_bytes(job, upload, LARGE_BYTES + 1), headers=PAGE).text
    assert "This is a large one" in heavy
    assert "takes 10.0 MB at most" in heavy
    light = client.get(with_bytes(job, upload, LARGE_BYTES), headers=PAGE).text
    assert "This is a large one" not in light
    assert "Make it smaller" in light
    alone = client.get(with_bytes(job, None, LARGE_BYTES + 1), headers=PAGE).text
    assert "Make it smaller" not in alone

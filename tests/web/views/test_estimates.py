"""Sizes before the export: a job of another kind, on the same rows and the same queue."""

import os
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, JobKind, Link, State
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import NoFrames
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE, files_in

SIZES = {"small": 9_966_590, "balanced": 25_600_000, "best": 31_000_000}
SIZES_SHOWN = "Small 10.0 MB · Balanced 25.6 MB · Best 31.0 MB"


@pytest.fixture
def running(upload: str) -> Job:
    """An estimate that a worker has taken."""
    options = ConversionOptions(start_s=1.5, duration_s=2.0)
    queued = Job.create(upload=upload, kind=JobKind.ESTIMATE, options_json=options.to_dict())
    job = Job.claim(queued.id, "worker-1")
    assert job
    return job


@pytest.fixture
def done(running: Job) -> Job:
    assert running.succeed({"estimates": SIZES})
    return Job.find(running.id)


@pytest.fixture
def idle(client: FlaskClient) -> None:
    """The queue has no worker at this moment."""
    services = client.application.extensions["chromi"]
    queue = replace(services.queue, enqueue=lambda job_id: None)
    client.application.extensions["chromi"] = replace(services, queue=queue)


@pytest.mark.slow
def test_it_measures_and_leaves_the_frames_for_the_export(
    client: FlaskClient, upload: str, storage: Storage
) -> None:
    wanted = {"start_time": "2", "duration": "1"}
    answer = client.post(f"/uploads/{upload}/estimates/", data=wanted)
    assert answer.status_code == 202
    assert answer.get_json()["status_url"] == f"/jobs/{answer.get_json()['job_id']}/"
    job = client.get(answer.get_json()["status_url"]).get_json()
    assert (job["kind"], job["status"]) == ("estimate", "success")
    assert set(job["estimates"]) == {"small", "balanced", "best"}
    assert all(type(size_bytes) is int and size_bytes > 10_000 for size_bytes in job["estimates"].values())
    assert (job["result"], job["converted_url"]) == (None, None)
    assert Link.select().count() == 0
    [frames] = storage.frames.iterdir()
    assert files_in(storage) == sorted([str(frames), str(storage.upload_path(upload))])

    os.utime(frames, (1000, 1000))
    storage.upload_path(upload).write_bytes(b"no clip any more")
    answer = client.post(f"/uploads/{upload}/jobs/", data={**wanted, "quality": "small"})
    job = client.get(answer.get_json()["status_url"]).get_json()
    assert (job["kind"], job["status"]) == ("convert", "success")
    assert set(job["estimates"]) == {"small", "balanced", "best"}
    assert list(storage.frames.iterdir()) == [frames]
    assert frames.stat().st_mtime > 1000, "frames that were used are kept longest"

    answer = client.post(f"/uploads/{upload}/jobs/", data={**wanted, "start_time": "1"})
    job = client.get(answer.get_json()["status_url"]).get_json()
    assert job["error"]["code"] == "not_a_video", "other pictures are read"


@pytest.mark.usefixtures("idle")
def test_the_studio_gets_a_fragment_and_a_browser_without_script_the_jobs_page(
    client: FlaskClient, upload: str
) -> None:
    fragment = client.post(f"/uploads/{upload}/estimates/", headers=FRAGMENT)
    assert fragment.status_code == 202
    assert '<div id="estimates" hx-get="/jobs/' in fragment.text
    page = client.post(f"/uploads/{upload}/estimates/", headers=PAGE)
    assert page.status_code == 303
    assert "Estimating sizes" in client.get(page.location, headers=PAGE).text


@pytest.mark.usefixtures("idle")
def test_asking_again_ends_the_earlier_estimate_of_this_upload(client: FlaskClient, upload: str) -> None:
    conversion = Job.create(upload=upload, options_json=ConversionOptions().to_dict())
    earlier, later = (client.post(f"/uploads/{upload}/estimates/").get_json()["job_id"] for _ in range(2))
    states = [Job.find(job_id).state for job_id in (conversion.id, earlier, later)]
    assert states == [State.QUEUED, State.CANCELLED, State.QUEUED]


def test_wrong_options_are_named_as_for_a_conversion(client: FlaskClient, upload: str) -> None:
    answer = client.post(f"/uploads/{upload}/estimates/", data={"speed": "9"})
    assert answer.status_code == 422
    assert "speed" in answer.get_json()["error"]["message"]
    page = client.post(f"/uploads/{upload}/estimates/", data={"speed": "9"}, headers=PAGE)
    assert page.status_code == 422
    assert "Estimate sizes" in page.text
    assert Job.select().count() == 0


def test_the_fragment_asks_for_itself_until_the_sizes_are_there(client: FlaskClient, running: Job) -> None:
    address = f"/jobs/{running.id}/estimates"
    fragment = client.get(address, headers=FRAGMENT).text
    assert f'hx-get="{address}"' in fragment
    assert 'hx-trigger="load delay:1s' in fragment
    assert "<progress" in fragment
    assert running.succeed({"estimates": SIZES})
    fragment = client.get(address, headers=FRAGMENT).text
    assert SIZES_SHOWN in fragment
    assert "hx-get" not in fragment


def test_the_fragment_says_why_there_are_no_sizes(client: FlaskClient, running: Job) -> None:
    assert running.fail(NoFrames())
    fragment = client.get(f"/jobs/{running.id}/estimates", headers=FRAGMENT).text
    assert NoFrames.user_message in fragment
    assert "hx-get" not in fragment


def test_its_own_page_shows_the_sizes_and_leads_back_to_the_studio(client: FlaskClient, done: Job) -> None:
    page = client.get(f"/jobs/{done.id}/", headers=PAGE)
    assert page.status_code == 200
    assert SIZES_SHOWN in page.text
    assert f"/uploads/{done.upload_id}/?start_time=00:00:01.500&amp;duration=2" in page.text
    assert "Download" not in page.text


def test_it_is_cancelled_like_any_job(client: FlaskClient, running: Job) -> None:
    assert client.post(f"/jobs/{running.id}/cancel").get_json()["status"] == "cancelled"
    assert not running.succeed({"estimates": SIZES})
    assert "Stopped" in client.get(f"/jobs/{running.id}/estimates", headers=FRAGMENT).text


def test_there_is_nothing_to_share_of_an_estimate(client: FlaskClient, done: Job) -> None:
    answer = client.post(f"/jobs/{done.id}/links/")
    assert answer.status_code == 409
    assert Link.select().count() == 0

"""An estimate job measures the size of a conversion for each quality."""

import html
import json
import os

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, JobKind, Link, State
from chromi.encoder import ConversionOptions, SizeEstimate
from chromi.encoder.encoder_errors import NoFrames
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, LAST_FRAMES, PAGE, files_in

pytestmark = pytest.mark.slow

SIZES = {"small": 9_966_590, "balanced": 25_600_000, "best": 31_000_000}
DETAILS = {quality: SizeEstimate(size_bytes).to_dict() for quality, size_bytes in SIZES.items()}
SIZES_TEXT = "Small 10 MB · Balanced 25.6 MB · Best 31 MB"


@pytest.fixture
def running_job(upload: str) -> Job:
    """An estimate that a worker has started."""
    options = ConversionOptions(start_s=1.5, duration_s=2.0)
    queued = Job.create(upload=upload, kind=JobKind.ESTIMATE, options_json=options.to_dict())
    job = Job.claim(queued.id, "worker-1")
    assert job
    return job


@pytest.fixture
def finished_job(running_job: Job) -> Job:
    assert running_job.succeed({"estimates": SIZES, "estimate_details": DETAILS})
    return Job.find(running_job.id)


def test_estimate_extracts_the_frames_that_the_conversion_uses(
    client: FlaskClient, upload: str, storage: Storage
) -> None:
    response = client.post(f"/uploads/{upload}/estimates/", data=LAST_FRAMES)
    assert response.status_code == 202
    assert response.get_json()["status_url"] == f"/jobs/{response.get_json()['job_id']}/"
    job = client.get(response.get_json()["status_url"]).get_json()
    assert (job["kind"], job["status"]) == ("estimate", "success")
    assert set(job["estimates"]) == {"small", "balanced", "best"}
    assert all(type(size_bytes) is int and size_bytes > 10_000 for size_bytes in job["estimates"].values())
    assert (job["result"], job["converted_url"]) == (None, None)
    assert Link.select().count() == 0
    [frames] = storage.frames.iterdir()
    folder = storage.stills_folder(upload)
    stills = [folder, *(folder / f"{quality}.png" for quality in job["estimates"])]
    assert files_in(storage) == sorted(map(str, (frames, storage.upload_path(upload), *stills)))

    os.utime(frames, (1000, 1000))
    storage.upload_path(upload).write_bytes(b"no longer a clip")
    response = client.post(f"/uploads/{upload}/jobs/", data={**LAST_FRAMES, "quality": "small"})
    job = client.get(response.get_json()["status_url"]).get_json()
    assert (job["kind"], job["status"]) == ("convert", "success")
    assert set(job["estimates"]) == {"small", "balanced", "best"}
    assert list(storage.frames.iterdir()) == [frames]
    assert frames.stat().st_mtime > 1000, "recently used frames are kept longest"

    response = client.post(f"/uploads/{upload}/jobs/", data={**LAST_FRAMES, "start_time": "1"})
    job = client.get(response.get_json()["status_url"]).get_json()
    assert job["error"]["code"] == "not_a_video", "frames of another window are extracted again"


@pytest.mark.usefixtures("without_worker")
def test_htmx_gets_a_fragment_and_a_browser_the_page_of_the_job(client: FlaskClient, upload: str) -> None:
    fragment = client.post(f"/uploads/{upload}/estimates/", headers=FRAGMENT)
    assert fragment.status_code == 202
    assert 'hx-get="/jobs/' in fragment.text
    page = client.post(f"/uploads/{upload}/estimates/", headers=PAGE)
    assert page.status_code == 303
    assert "Estimating file sizes" in client.get(page.location, headers=PAGE).text


@pytest.mark.usefixtures("without_worker")
def test_new_estimate_cancels_the_earlier_one_of_its_upload(client: FlaskClient, upload: str) -> None:
    conversion = Job.create(upload=upload, options_json=ConversionOptions().to_dict())
    earlier, later = (client.post(f"/uploads/{upload}/estimates/").get_json()["job_id"] for _ in range(2))
    states = [Job.find(job_id).state for job_id in (conversion.id, earlier, later)]
    assert states == [State.QUEUED, State.CANCELLED, State.QUEUED]


def test_error_names_invalid_option(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/estimates/", data={"speed": "9"})
    assert response.status_code == 422
    assert "speed" in response.get_json()["error"]["message"]
    page = client.post(f"/uploads/{upload}/estimates/", data={"speed": "9"}, headers=PAGE)
    assert page.status_code == 422
    assert "Estimate file sizes" in page.text
    assert Job.select().count() == 0


def test_fragment_polls_until_the_estimate_is_finished(client: FlaskClient, running_job: Job) -> None:
    url = f"/jobs/{running_job.id}/estimates"
    fragment = client.get(url, headers=FRAGMENT).text
    assert f'hx-get="{url}"' in fragment
    assert 'hx-trigger="load delay:1s' in fragment
    assert "<progress" in fragment
    assert running_job.succeed({"estimates": SIZES, "estimate_details": DETAILS})
    fragment = client.get(url, headers=FRAGMENT).text
    assert SIZES_TEXT in fragment
    assert "hx-get" not in fragment


def test_fragment_shows_the_error(client: FlaskClient, running_job: Job) -> None:
    assert running_job.fail(NoFrames())
    fragment = client.get(f"/jobs/{running_job.id}/estimates", headers=FRAGMENT).text
    assert NoFrames.user_message in fragment
    assert "data-failed" in fragment
    assert "hx-get" not in fragment


def test_page_shows_the_sizes_and_links_to_the_studio(client: FlaskClient, finished_job: Job) -> None:
    page = client.get(f"/jobs/{finished_job.id}/", headers=PAGE)
    assert page.status_code == 200
    assert SIZES_TEXT in page.text
    assert f"/uploads/{finished_job.upload_id}/?start_time=00:00:01.500&amp;duration=2" in page.text
    assert "Download" not in page.text


def test_estimate_can_be_cancelled(client: FlaskClient, running_job: Job) -> None:
    assert client.post(f"/jobs/{running_job.id}/cancel").get_json()["status"] == "cancelled"
    assert not running_job.succeed({"estimates": SIZES})
    assert "Estimate canceled" in client.get(f"/jobs/{running_job.id}/estimates", headers=FRAGMENT).text


def test_estimate_cannot_be_shared(client: FlaskClient, finished_job: Job) -> None:
    response = client.post(f"/jobs/{finished_job.id}/links/")
    assert response.status_code == 409
    assert Link.select().count() == 0


# -- what each size costs ------------------------------------------------------------------------------------


def succeed_with(job: Job, **estimates: SizeEstimate) -> None:
    assert job.succeed(
        {
            "estimates": {quality: estimate.bytes for quality, estimate in estimates.items()},
            "estimate_details": {quality: estimate.to_dict() for quality, estimate in estimates.items()},
        }
    )


def test_fragment_says_what_a_size_costs_and_which_sizes_are_the_same(
    client: FlaskClient, running_job: Job
) -> None:
    small = SizeEstimate(9_700_000, reduced_fps=12, reduced_colors=31, is_lossy=True)
    best = SizeEstimate(21_000_000)
    succeed_with(running_job, small=small, balanced=best, best=best)
    fragment = client.get(f"/jobs/{running_job.id}/estimates", headers=FRAGMENT).text
    cards = json.loads(html.unescape(fragment.partition("data-cards='")[2].partition("'")[0]))
    assert cards["small"]["description"] == "12 frames per second, fewer colors, less detail"
    assert cards["small"]["notice"].startswith(
        "Small shows this video with 12 frames per second, fewer colors"
    )
    assert (cards["balanced"]["description"], cards["balanced"]["notice"]) == ("", "")
    assert cards["best"]["description"] == "Same as Balanced for this video"
    assert "(12 frames per second, fewer colors, less detail)" in fragment, (
        "the page without script says it too"
    )


def test_still_shows_a_frame_in_each_quality(client: FlaskClient, running_job: Job, storage: Storage) -> None:
    url = f"/jobs/{running_job.id}/stills/small.png"
    assert client.get(url).status_code == 404, "the estimate has not finished"
    folder = storage.stills_folder(running_job.upload_id or "")
    folder.mkdir()
    (folder / "small.png").write_bytes(b"PNG")
    succeed_with(running_job, small=SizeEstimate(1))
    response = client.get(url)
    assert (response.status_code, response.mimetype, response.data) == (200, "image/png", b"PNG")
    for name in ("best", "..%2Fsmall", "tiny"):
        assert client.get(f"/jobs/{running_job.id}/stills/{name}.png").status_code == 404

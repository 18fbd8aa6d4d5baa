"""The studio requests the best loops of a clip and a preview that every browser plays."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, JobKind, State, Upload
from chromi.encoder import ConversionOptions, LoopWindow, probe_video
from chromi.encoder.encoder_errors import NoFrames
from chromi.jobs.cleanup import CleanupReport
from chromi.storage import Storage
from tests.support.clips import make_clip
from tests.support.http_forms import FRAGMENT, PAGE, form

pytestmark = pytest.mark.slow

LOOPS = [LoopWindow(1.25, 6.0, 97), LoopWindow(0.0, 6.0, 30)]


def start_job(upload: str, kind: JobKind) -> Job:
    """Create a job of this kind and claim it for a worker."""
    queued = Job.create(upload=upload, kind=kind, options_json=ConversionOptions().to_dict())
    job = Job.claim(queued.id, "worker-1")
    assert job
    return job


# -- loops ---------------------------------------------------------------------------------------------------


def test_loops_job_finds_loops(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/loops/", data={"duration": "3", "speed": "2"})
    assert response.status_code == 202
    job = client.get(response.get_json()["status_url"]).get_json()
    assert (job["kind"], job["status"]) == ("loops", "success")
    assert (job["result"], job["converted_url"], job["estimates"]) == (None, None, None)
    assert job["loops"]
    assert {window["duration_s"] for window in job["loops"]} == {6.0}, "in the clip, not in the GIF"


def test_error_names_invalid_option(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/loops/", data={"duration": "99"})
    assert response.status_code == 422
    assert "duration" in response.get_json()["error"]["message"]


@pytest.mark.usefixtures("without_worker")
def test_new_search_cancels_the_earlier_one(client: FlaskClient, upload: str) -> None:
    earlier, later = (client.post(f"/uploads/{upload}/loops/").get_json()["job_id"] for _ in range(2))
    assert [Job.find(job_id).state for job_id in (earlier, later)] == [State.CANCELLED, State.QUEUED]


def test_fragment_polls_until_the_loops_are_found(client: FlaskClient, upload: str) -> None:
    job = start_job(upload, JobKind.LOOPS)
    url = f"/jobs/{job.id}/loops"
    fragment = client.get(url, headers=FRAGMENT).text
    assert f'hx-get="{url}"' in fragment
    assert job.succeed({"loops": [window.to_dict() for window in LOOPS]})
    fragment = client.get(url, headers=FRAGMENT).text
    assert "hx-get" not in fragment
    assert 'data-start-s="1.25"' in fragment
    assert "seamless" in fragment


def test_page_links_to_the_studio(client: FlaskClient, upload: str) -> None:
    job = start_job(upload, JobKind.LOOPS)
    assert job.succeed({"loops": [window.to_dict() for window in LOOPS]})
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert f'href="/uploads/{upload}/?start_time=1.25"' in page
    assert "Download" not in page


def test_fragment_shows_the_error(client: FlaskClient, upload: str) -> None:
    job = start_job(upload, JobKind.LOOPS)
    assert job.fail(NoFrames())
    assert NoFrames.user_message in client.get(f"/jobs/{job.id}/loops", headers=FRAGMENT).text


# -- preview -------------------------------------------------------------------------------------------------


@pytest.fixture
def unplayable_upload(client: FlaskClient, tmp_path: Path) -> str:
    """The id of an uploaded clip that browsers cannot play."""
    path = tmp_path / "prores.mov"
    clip = make_clip(path, seconds=1, size="160x90", codec="prores_ks", pix_fmt="yuv422p10le")
    upload_id: str = client.post("/uploads/", **form(clip, name="prores.mov")).get_json()["upload_id"]
    return upload_id


def test_preview_is_made_once_and_served_with_ranges(
    client: FlaskClient, unplayable_upload: str, storage: Storage, tmp_path: Path
) -> None:
    assert client.get(f"/uploads/{unplayable_upload}/preview").status_code == 404
    response = client.post(f"/uploads/{unplayable_upload}/previews/")
    assert response.status_code == 202
    assert client.get(response.get_json()["status_url"]).get_json()["status"] == "success"
    partial = client.get(f"/uploads/{unplayable_upload}/preview", headers={"Range": "bytes=0-99"})
    assert (partial.status_code, partial.content_type, len(partial.data)) == (206, "video/mp4", 100)
    assert "sandbox" in partial.headers["Content-Security-Policy"]
    whole = tmp_path / "preview.mp4"
    whole.write_bytes(client.get(f"/uploads/{unplayable_upload}/preview").data)
    info = probe_video(whole)
    assert (info.container, info.codec, info.pixel_format) == ("mov", "h264", "yuv420p")
    repeated = client.post(f"/uploads/{unplayable_upload}/previews/")
    assert repeated.status_code == 200
    assert repeated.get_json() == {"preview_url": f"/uploads/{unplayable_upload}/preview"}
    assert Job.select().count() == 1


@pytest.mark.usefixtures("without_worker")
def test_reloaded_page_gets_the_running_preview_job(client: FlaskClient, upload: str) -> None:
    first, second = (client.post(f"/uploads/{upload}/previews/", headers=FRAGMENT) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert 'hx-get="/jobs/' in first.text
    assert Job.select().count() == 1


def test_fragment_has_the_url_of_the_preview_or_the_error(
    client: FlaskClient, upload: str, storage: Storage
) -> None:
    job = start_job(upload, JobKind.PREVIEW)
    assert "data-url" not in client.get(f"/jobs/{job.id}/preview", headers=FRAGMENT).text
    assert job.succeed({})
    fragment = client.get(f"/jobs/{job.id}/preview", headers=FRAGMENT).text
    assert f'data-url="/uploads/{upload}/preview"' in fragment
    assert "hx-get" not in fragment
    failed = start_job(upload, JobKind.PREVIEW)
    assert failed.fail(NoFrames())
    assert NoFrames.user_message in client.get(f"/jobs/{failed.id}/preview", headers=FRAGMENT).text


def test_preview_is_removed_with_its_upload(
    upload: str, storage: Storage, clean_up: Callable[[], CleanupReport]
) -> None:
    preview = storage.preview_path(upload)
    preview.write_bytes(b"preview")
    os.utime(preview, (1000, 1000))
    clean_up()
    assert preview.exists(), "its upload still exists"
    Upload.update(used_at=1000).execute()
    clean_up()
    assert not preview.exists()


# -- conversions ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_worker")
def test_conversion_cancels_other_jobs_except_an_estimate_with_the_same_frames(
    client: FlaskClient, upload: str
) -> None:
    kinds = (JobKind.LOOPS, JobKind.PREVIEW, JobKind.ESTIMATE)
    loops, preview, estimate = (start_job(upload, kind) for kind in kinds)
    client.post(f"/uploads/{upload}/jobs/", data={"quality": "best"})
    states = [Job.find(job.id).state for job in (loops, preview, estimate)]
    assert states == [State.CANCELLED, State.CANCELLED, State.IN_PROGRESS]
    client.post(f"/uploads/{upload}/jobs/", data={"start_time": "1"})
    assert Job.find(estimate.id).state == State.CANCELLED

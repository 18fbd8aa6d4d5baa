"""What the studio asks of the server: the best loops of a clip, and a copy that every browser plays."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, JobKind, State, Upload
from chromi.encoder import ConversionOptions, LoopWindow, probe_video
from chromi.encoder.encoder_errors import NoFrames
from chromi.jobs import cleanup
from chromi.storage import Storage
from tests.support.clips import make_clip
from tests.support.http_forms import FRAGMENT, PAGE, form

LOOPS = [LoopWindow(1.25, 6.0, 97), LoopWindow(0.0, 6.0, 30)]


@pytest.fixture
def idle(client: FlaskClient) -> None:
    """The queue has no worker at this moment."""
    services = client.application.extensions["chromi"]
    queue = replace(services.queue, enqueue=lambda job_id: None)
    client.application.extensions["chromi"] = replace(services, queue=queue)


def running(upload: str, kind: JobKind) -> Job:
    """A job of this kind that a worker has taken."""
    queued = Job.create(upload=upload, kind=kind, options_json=ConversionOptions().to_dict())
    job = Job.claim(queued.id, "worker-1")
    assert job
    return job


# -- loops ---------------------------------------------------------------------------------------------------


def test_a_program_gets_the_loops_of_a_clip(client: FlaskClient, upload: str) -> None:
    answer = client.post(f"/uploads/{upload}/loops/", data={"duration": "3", "speed": "2"})
    assert answer.status_code == 202
    job = client.get(answer.get_json()["status_url"]).get_json()
    assert (job["kind"], job["status"]) == ("loops", "success")
    assert (job["result"], job["converted_url"], job["estimates"]) == (None, None, None)
    assert job["loops"]
    assert all(window["duration_s"] == 6.0 for window in job["loops"]), "the clip's part is what counts"


def test_wrong_options_are_named(client: FlaskClient, upload: str) -> None:
    answer = client.post(f"/uploads/{upload}/loops/", data={"duration": "99"})
    assert answer.status_code == 422
    assert "duration" in answer.get_json()["error"]["message"]


@pytest.mark.usefixtures("idle")
def test_searching_again_ends_the_earlier_search(client: FlaskClient, upload: str) -> None:
    earlier, later = (client.post(f"/uploads/{upload}/loops/").get_json()["job_id"] for _ in range(2))
    assert [Job.find(job_id).state for job_id in (earlier, later)] == [State.CANCELLED, State.QUEUED]


def test_the_fragment_asks_for_itself_until_there_are_chips(client: FlaskClient, upload: str) -> None:
    job = running(upload, JobKind.LOOPS)
    address = f"/jobs/{job.id}/loops"
    fragment = client.get(address, headers=FRAGMENT).text
    assert f'hx-get="{address}"' in fragment
    assert job.succeed({"loops": [window.to_dict() for window in LOOPS]})
    fragment = client.get(address, headers=FRAGMENT).text
    assert "hx-get" not in fragment
    assert 'data-start-s="1.25"' in fragment
    assert "seamless" in fragment


def test_its_own_page_leads_to_the_studio(client: FlaskClient, upload: str) -> None:
    job = running(upload, JobKind.LOOPS)
    assert job.succeed({"loops": [window.to_dict() for window in LOOPS]})
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert f'href="/uploads/{upload}/?start_time=1.25"' in page
    assert "Download" not in page


def test_the_fragment_says_why_there_are_none(client: FlaskClient, upload: str) -> None:
    job = running(upload, JobKind.LOOPS)
    assert job.fail(NoFrames())
    assert NoFrames.user_message in client.get(f"/jobs/{job.id}/loops", headers=FRAGMENT).text


# -- preview -------------------------------------------------------------------------------------------------


@pytest.fixture
def odd_upload(client: FlaskClient, tmp_path: Path) -> str:
    """A clip that browsers do not play; its id."""
    path = tmp_path / "odd.mov"
    made = make_clip(path, seconds=1, size="160x90", codec="prores_ks", pix_fmt="yuv422p10le")
    upload_id: str = client.post("/uploads/", **form(made, name="odd.mov")).get_json()["upload_id"]
    return upload_id


def test_a_copy_that_browsers_play_is_made_once(
    client: FlaskClient, odd_upload: str, storage: Storage, tmp_path: Path
) -> None:
    assert client.get(f"/uploads/{odd_upload}/preview").status_code == 404
    answer = client.post(f"/uploads/{odd_upload}/previews/")
    assert answer.status_code == 202
    assert client.get(answer.get_json()["status_url"]).get_json()["status"] == "success"
    part = client.get(f"/uploads/{odd_upload}/preview", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content_type, len(part.data)) == (206, "video/mp4", 100)
    assert "sandbox" in part.headers["Content-Security-Policy"]
    whole = tmp_path / "preview.mp4"
    whole.write_bytes(client.get(f"/uploads/{odd_upload}/preview").data)
    info = probe_video(whole)
    assert (info.container, info.codec, info.pixel_format) == ("mov", "h264", "yuv420p")
    again = client.post(f"/uploads/{odd_upload}/previews/")
    assert again.status_code == 200
    assert again.get_json() == {"preview_url": f"/uploads/{odd_upload}/preview"}
    assert Job.select().count() == 1


@pytest.mark.usefixtures("idle")
def test_a_reloaded_page_finds_the_preview_that_is_being_made(client: FlaskClient, upload: str) -> None:
    first, second = (client.post(f"/uploads/{upload}/previews/", headers=FRAGMENT) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert 'hx-get="/jobs/' in first.text
    assert Job.select().count() == 1


def test_the_fragment_tells_where_the_preview_is(client: FlaskClient, upload: str, storage: Storage) -> None:
    job = running(upload, JobKind.PREVIEW)
    assert "data-url" not in client.get(f"/jobs/{job.id}/preview", headers=FRAGMENT).text
    assert job.succeed({})
    fragment = client.get(f"/jobs/{job.id}/preview", headers=FRAGMENT).text
    assert f'data-url="/uploads/{upload}/preview"' in fragment
    assert "hx-get" not in fragment
    failed = running(upload, JobKind.PREVIEW)
    assert failed.fail(NoFrames())
    assert NoFrames.user_message in client.get(f"/jobs/{failed.id}/preview", headers=FRAGMENT).text


def test_the_preview_goes_with_its_upload(client: FlaskClient, upload: str, storage: Storage) -> None:
    preview = storage.preview_path(upload)
    preview.write_bytes(b"preview")
    os.utime(preview, (1000, 1000))
    settings = client.application.extensions["chromi"].settings
    cleanup.run_cleanup(settings, storage, set(), lambda job_id: None)
    assert preview.exists(), "no orphan as long as its upload is there"
    Upload.update(used_at=1000).execute()
    cleanup.run_cleanup(settings, storage, set(), lambda job_id: None)
    assert not preview.exists()


# -- a conversion comes first --------------------------------------------------------------------------------


@pytest.mark.usefixtures("idle")
def test_a_conversion_waits_for_nothing_but_an_estimate_of_its_own_pictures(
    client: FlaskClient, upload: str
) -> None:
    kinds = (JobKind.LOOPS, JobKind.PREVIEW, JobKind.ESTIMATE)
    loops, preview, estimate = (running(upload, kind) for kind in kinds)
    client.post(f"/uploads/{upload}/jobs/", data={"quality": "best"})
    states = [Job.find(job.id).state for job in (loops, preview, estimate)]
    assert states == [State.CANCELLED, State.CANCELLED, State.IN_PROGRESS]
    client.post(f"/uploads/{upload}/jobs/", data={"start_time": "1"})
    assert Job.find(estimate.id).state == State.CANCELLED

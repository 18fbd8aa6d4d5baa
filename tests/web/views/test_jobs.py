"""A job has a page, a fragment and JSON in each state, and can be cancelled."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from chromi.config import QUEUES
from chromi.db import Job, JobKind, Link, State, Upload, Worker
from chromi.encoder import READING, ConversionOptions, Progress
from chromi.encoder.encoder_errors import EncodeError, NoFrames
from chromi.storage import Storage
from chromi.web.views.jobs import parse_options
from tests.support import clips
from tests.support.http_forms import FRAGMENT, LAST_FRAMES, PAGE, PostForm, files_in, form

pytestmark = pytest.mark.slow

EVERY_OPTION = {
    "start_time": "00:00:02.000",
    "duration": "1",
    "quality": "small",
    "max_mb": "5",
    "motion": "color",
    "framing": "fit",
    "focus": "0.25,0",
    "pad": "#102030",
    "size": "1280x720",
    "scaling": "pixelated",
    "loop": "boomerang",
    "speed": "0.5",
    "reverse": "on",
    "short": "repeat",
    "zoom": "1.5",
    "crop_bars": "auto",
    "blur": "2.5",
    "brightness": "120",
    "saturation": "0",
    "darken": "30",
}


@pytest.fixture
def queued_job(upload: str) -> Job:
    """A job that no worker has started yet."""
    return Job.create(upload=upload, options_json=ConversionOptions(start_s=1.5).to_dict())


@pytest.fixture
def running_job(queued_job: Job) -> Job:
    job = Job.claim(queued_job.id, "worker-1")
    assert job
    assert job.report(Progress("reading", 0.42, "Reading your video"))
    return Job.find(job.id)


def test_inline_conversion_returns_the_result_and_removes_the_upload(
    client: FlaskClient, convert: PostForm, storage: Storage, tmp_path: Path
) -> None:
    response = convert(start_time="00:00:01", duration="1")
    assert response.status_code == 200
    body = response.get_json()
    assert body["success"] is True
    gif = tmp_path / "result.gif"
    gif.write_bytes(client.get(body["converted_url"]).data)
    with Image.open(gif) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 24, 0)
    job = Job.get()
    assert files_in(storage) == sorted(map(str, storage.result_files(job.id)))
    assert Upload.select().count() == 0


def test_upload_from_the_page_is_kept_after_its_job(
    client: FlaskClient, upload: str, storage: Storage
) -> None:
    response = client.post(f"/uploads/{upload}/jobs/", data=LAST_FRAMES)
    assert response.status_code == 202
    assert storage.upload_path(upload).exists()
    page = client.get(response.get_json()["status_url"], headers=PAGE)
    assert "Your background is ready" in page.text
    assert f"/uploads/{upload}/?start_time=00:00:07.800" in page.text


@pytest.mark.parametrize(
    ("drawing", "texts"),
    [
        ({"fps": 24, "colors": 64}, []),
        ({"fps": 18, "colors": 64}, ["18 frames per second, to keep the colors"]),
        ({"fps": 24, "colors": 32}, ["31 colors, to keep the file small"]),
        (
            {"fps": 12, "colors": 32},
            ["Reduced to 12 frames per second and 31 colors to keep the file small"],
        ),
        ({}, []),  # the result was stored by an older version
    ],
)
def test_result_page_says_what_a_size_limit_cost(
    client: FlaskClient, job: Job, drawing: dict[str, int], texts: list[str]
) -> None:
    assert job.result
    job.result_json = {"result": replace(job.result, drawing=drawing).to_dict()}
    job.save()
    page = client.get(f"/jobs/{job.id}/", headers=PAGE)
    assert re.findall(r">([^<]*(?:frames per second|colors)[, ][^<]*to [^<]*)<", page.text) == texts


@pytest.mark.usefixtures("without_worker")
def test_form_may_have_a_part_for_every_option(app: Flask, convert: PostForm) -> None:
    services = app.extensions["chromi"]
    app.extensions["chromi"] = replace(services, settings=replace(services.settings, inline=False))
    response = convert(**EVERY_OPTION)
    assert response.status_code == 202, response.text


def test_job_has_every_submitted_option(app: Flask, client: FlaskClient, upload: str) -> None:
    with app.test_request_context(method="POST", data=EVERY_OPTION):
        options = parse_options(Upload.find(upload))
    url = f"/jobs/{Job.create(upload=upload, options_json=options.to_dict(), state=State.CANCELLED).id}/"
    numbers = {"duration": 1, "max_mb": 5, "speed": 0.5, "reverse": True}
    numbers |= {"zoom": 1.5, "blur": 2.5, "brightness": 120, "saturation": 0, "darken": 30}
    assert client.get(url).get_json()["recipe"] == {**EVERY_OPTION, **numbers}
    page = client.get(url, headers=PAGE).text
    assert "framing=fit&amp;focus=0.25,0&amp;pad=%23102030&amp;scaling=pixelated&amp;loop=boomerang" in page
    assert (
        "zoom=1.5&amp;crop_bars=auto&amp;blur=2.5&amp;brightness=120&amp;saturation=0&amp;darken=30" in page
    )


@pytest.mark.usefixtures("without_worker")
def test_enqueued_job_has_a_status_url(client: FlaskClient, upload: str) -> None:
    body = client.post(f"/uploads/{upload}/jobs/", data={"duration": "1"}).get_json()
    job_id = body["job_id"]
    assert body == {
        "enqueued": True,
        "job_id": job_id,
        "status": "queued",
        "async": True,
        "status_url": f"/jobs/{job_id}/",
    }


def test_queued_job_has_its_queue_position(client: FlaskClient, queued_job: Job, upload: str) -> None:
    second = Job.create(upload=upload, options_json=ConversionOptions().to_dict())
    body = client.get(f"/jobs/{second.id}/").get_json()
    assert (body["status"], body["state"], body["raw_state"]) == ("queued",) * 3
    assert body["queue_position"] == 1
    assert body["converted_url"] is None
    assert "1 ahead of you" in client.get(f"/jobs/{second.id}/", headers=PAGE).text


def test_running_job_has_step_percentage_and_message(client: FlaskClient, running_job: Job) -> None:
    body = client.get(f"/jobs/{running_job.id}/").get_json()
    assert body["progress"] == {"step": "reading", "progress": 0.42, "message": "Reading your video"}
    assert body["elapsed_s"] is not None
    page = client.get(f"/jobs/{running_job.id}/", headers=PAGE).text
    fragment = client.get(f"/jobs/{running_job.id}/status", headers=FRAGMENT).text
    for text in (page, fragment):
        assert "42%" in text
        assert "Reading your video" in text
    assert fragment.lstrip().startswith('<section id="job"')
    assert 'hx-trigger="load delay:1s' in fragment


def test_interruption_is_shown_until_the_next_attempt_makes_progress(
    client: FlaskClient, running_job: Job
) -> None:
    def is_interruption_shown() -> bool:
        texts = [client.get(f"/jobs/{running_job.id}/").get_json()["progress"]["message"]]
        texts.append(client.get(f"/jobs/{running_job.id}/", headers=PAGE).text)
        texts.append(client.get(f"/jobs/{running_job.id}/status", headers=FRAGMENT).text)
        [is_shown] = {"Interrupted. Starting over." in text for text in texts}
        return is_shown

    assert not is_interruption_shown()
    assert running_job.release()
    assert is_interruption_shown()
    second_attempt = Job.claim(running_job.id, "another worker")
    assert second_attempt
    assert is_interruption_shown()
    second_attempt.report(Progress("reading", 0.01, READING))
    assert is_interruption_shown()
    second_attempt.report(Progress("choosing", 0.25, "Choosing colors"))
    assert not is_interruption_shown()


def test_fragment_of_an_ended_job_does_not_poll(client: FlaskClient, running_job: Job) -> None:
    Job.cancel(running_job.id)
    fragment = client.get(f"/jobs/{running_job.id}/status", headers=FRAGMENT).text
    assert "hx-get" not in fragment


def test_failed_job_has_its_error(client: FlaskClient, running_job: Job) -> None:
    assert running_job.fail(NoFrames())
    body = client.get(f"/jobs/{running_job.id}/").get_json()
    assert body["status"] == "failed"
    assert body["error"] == {"code": "no_frames", "message": NoFrames.user_message}
    assert body["progress"]["progress"] < 1
    assert "Choose another start" in client.get(f"/jobs/{running_job.id}/", headers=PAGE).text


def test_queued_and_running_jobs_can_be_cancelled(client: FlaskClient, running_job: Job, upload: str) -> None:
    waiting = Job.create(upload=upload, options_json=ConversionOptions().to_dict())
    for job in (waiting, running_job):
        response = client.post(f"/jobs/{job.id}/cancel")
        assert response.status_code == 202
        assert response.get_json()["status"] == "cancelled"
    assert not running_job.report(Progress("reading", 0.5, "")), "the worker learns of the cancellation"


def test_one_shot_upload_is_removed_when_its_job_is_cancelled(
    client: FlaskClient, queued_job: Job, storage: Storage
) -> None:
    Upload.update(one_shot=True).execute()
    fragment = client.post(f"/jobs/{queued_job.id}/cancel", headers=FRAGMENT)
    assert "Edit" not in fragment.text
    assert files_in(storage) == []


def test_job_can_be_cancelled_twice_but_not_after_success(client: FlaskClient, running_job: Job) -> None:
    assert client.post(f"/jobs/{running_job.id}/cancel").status_code == 202
    assert client.post(f"/jobs/{running_job.id}/cancel").status_code == 202
    Job.update(state=State.SUCCESS).where(Job.id == running_job.id).execute()
    assert client.post(f"/jobs/{running_job.id}/cancel").status_code == 409
    page = client.post(f"/jobs/{running_job.id}/cancel", headers=PAGE)
    assert (page.status_code, page.location) == (303, f"/jobs/{running_job.id}/")


def test_cancel_responds_to_page_and_fragment_requests(client: FlaskClient, queued_job: Job) -> None:
    fragment = client.post(f"/jobs/{queued_job.id}/cancel", headers=FRAGMENT)
    assert fragment.status_code == 200
    assert "Canceled" in fragment.text
    page = client.post(f"/jobs/{queued_job.id}/cancel", headers=PAGE)
    assert page.status_code == 303


@pytest.mark.parametrize(("loop", "query"), [("cut", "&loop=cut"), ("boomerang", "")])
def test_edit_keeps_the_loop_of_a_very_short_clip(
    client: FlaskClient, tmp_path: Path, loop: str, query: str
) -> None:
    """The studio of such a clip suggests playing it back and forth."""
    clip = clips.make_clip(tmp_path / "clip.mp4", seconds=0.5)
    upload = Upload.find(client.post("/uploads/", **form(clip)).get_json()["upload_id"])
    options = ConversionOptions.parse(loop=loop)
    job = Job.create(upload=upload, options_json=options.to_dict(), state=State.CANCELLED)
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    url = f"/uploads/{upload.id}/?start_time=00:00:00.000{query}"
    assert f'href="{url.replace("&", "&amp;")}"' in page
    assert re.search(f'value="{loop}"[^>]* checked', client.get(url, headers=PAGE).text)


def test_page_of_another_cancelled_job_says_nothing_of_a_background(client: FlaskClient, upload: str) -> None:
    for kind in (JobKind.CONVERT, JobKind.LOOPS):
        options_json = ConversionOptions().to_dict()
        job = Job.create(upload=upload, kind=kind, options_json=options_json, state=State.CANCELLED)
        page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
        assert ("No background was made" in page) is (kind is JobKind.CONVERT)


def test_page_of_a_cancelled_job_leads_back_to_an_earlier_background(
    client: FlaskClient, job: Job, upload: str
) -> None:
    Job.update(upload=upload).where(Job.id == job.id).execute()
    options_json = ConversionOptions(max_mb=1.0).to_dict()
    smaller = Job.create(upload=upload, options_json=options_json, state=State.CANCELLED)
    page = client.get(f"/jobs/{smaller.id}/", headers=PAGE).text
    assert f'href="/jobs/{job.id}/">Back to your background' in page
    assert "No background was made" not in page
    Link.update(expires_at=1).execute()
    page = client.get(f"/jobs/{smaller.id}/", headers=PAGE).text
    assert "Back to your background" not in page
    assert "No background was made" in page


def test_page_says_starting_until_there_is_progress(client: FlaskClient, queued_job: Job) -> None:
    job = Job.claim(queued_job.id, "worker-1")
    assert job
    for progress, title in [(0.0, "Starting"), (0.42, "42%")]:
        assert job.report(Progress("reading", progress, "Reading your video"))
        text = client.get(f"/jobs/{job.id}/status", headers=FRAGMENT).text
        assert f'<p class="display">{title}</p>' in text


def test_page_warns_if_no_worker_is_alive(client: FlaskClient, queued_job: Job) -> None:
    url = f"/jobs/{queued_job.id}/status"
    assert "Processing is paused right now" in client.get(url, headers=FRAGMENT).text
    Worker.record_heartbeat("worker-1", QUEUES)
    assert "Processing is paused right now" not in client.get(url, headers=FRAGMENT).text


@pytest.mark.parametrize(("kind", "part"), [("estimate", "estimates"), ("preview", "preview")])
def test_studio_fragments_warn_if_no_worker_is_alive(
    client: FlaskClient, queued_job: Job, kind: str, part: str
) -> None:
    Job.update(kind=kind).execute()
    url = f"/jobs/{queued_job.id}/{part}"
    assert "Processing is paused right now" in client.get(url, headers=FRAGMENT).text
    assert "hx-get" in client.get(url, headers=FRAGMENT).text, "it continues to poll"
    Worker.record_heartbeat("worker-1", QUEUES)
    assert "Processing is paused right now" not in client.get(url, headers=FRAGMENT).text


def test_start_page_warns_if_no_worker_is_alive(app: Flask, client: FlaskClient) -> None:
    services = app.extensions["chromi"]
    settings = replace(services.settings, inline=False)
    notice = "Processing is paused right now"
    app.extensions["chromi"] = replace(services, settings=settings)
    assert notice not in client.get("/", headers=PAGE).text, "a worker may start shortly after the server"
    long_ago = services.started_at - 60
    app.extensions["chromi"] = replace(services, settings=settings, started_at=long_ago)
    assert notice in client.get("/", headers=PAGE).text
    Worker.record_heartbeat("worker-1", QUEUES)
    assert notice not in client.get("/", headers=PAGE).text


def test_start_page_works_with_a_damaged_database(app: Flask, client: FlaskClient) -> None:
    services = app.extensions["chromi"]
    settings = replace(services.settings, inline=False)
    app.extensions["chromi"] = replace(services, settings=settings, started_at=services.started_at - 60)
    (settings.instance / "chromi.db").write_bytes(b"no database" * 10_000)
    assert client.get("/").status_code == 200
    assert client.get(f"/jobs/{'0' * 32}/").status_code == 503


@pytest.mark.parametrize("url", ["/jobs/{}/", "/jobs/{}/status", "/uploads/{}/", "/uploads/{}/video"])
@pytest.mark.parametrize("name", ["0" * 32, "nonsense", "..%2f..%2fetc"])
def test_unknown_id_is_not_found(client: FlaskClient, url: str, name: str) -> None:
    response = client.get(url.format(name))
    assert response.status_code == 404
    assert response.get_json()["error"]["code"] == "not_found"


def test_response_varies_by_accept_and_htmx(client: FlaskClient, queued_job: Job) -> None:
    response = client.get(f"/jobs/{queued_job.id}/")
    assert {"Accept", "HX-Request"} <= set(response.vary)


def test_failed_inline_conversion_has_status_and_message_of_its_error(
    convert: PostForm, tmp_path: Path
) -> None:
    options = ("-g", "1", "-movflags", "+faststart")
    content = clips.make_clip(tmp_path / "clip.mp4", seconds=4, options=options).read_bytes()
    damaged = content[: len(content) // 2] + bytes(len(content) // 2)
    response = convert(damaged, start_time="3", duration="1")
    assert response.status_code == 422
    error = response.get_json()["error"]
    assert error == {"code": "encode_failed", "message": EncodeError.user_message}


def test_job_of_a_removed_upload_gets_404(client: FlaskClient, upload: str) -> None:
    Upload.delete().execute()
    response = client.post(f"/uploads/{upload}/jobs/", headers=FRAGMENT)
    assert response.status_code == 404
    assert "Please upload yours again" in response.text


def test_page_of_an_expired_result_gets_410(client: FlaskClient, job: Job) -> None:
    job.links.model.update(expires_at=1).execute()
    response = client.get(f"/jobs/{job.id}/", headers=PAGE)
    assert response.status_code == 410
    assert "Make a background" in response.text

"""A job's page, fragment and JSON, from queued to its end."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from chromi.db import Job, State, Upload, Worker
from chromi.encoder import READING, ConversionOptions, Progress
from chromi.encoder.encoder_errors import EncodeError, NoFrames
from chromi.storage import Storage
from chromi.web.views.jobs import parse_options
from tests.support import clips
from tests.support.http_forms import FRAGMENT, PAGE, PostForm, files_in


@pytest.fixture
def queued(upload: str) -> Job:
    """A job that no worker has taken yet."""
    return Job.create(upload=upload, options_json=ConversionOptions(start_s=1.5).to_dict())


@pytest.fixture
def running(queued: Job) -> Job:
    job = Job.claim(queued.id, "worker-1")
    assert job
    assert job.report(Progress("reading", 0.42, "Reading your clip"))
    return Job.find(job.id)


@pytest.mark.slow
def test_inline_conversion_answers_with_the_result(
    client: FlaskClient, convert: PostForm, tmp_path: Path
) -> None:
    answer = convert(start_time="00:00:01", duration="6")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["success"] is True
    gif = tmp_path / "got.gif"
    gif.write_bytes(client.get(body["converted_url"]).data)
    with Image.open(gif) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 144, 0)


@pytest.mark.slow
def test_a_one_shot_upload_goes_when_its_job_is_done(convert: PostForm, storage: Storage) -> None:
    convert(duration="1")
    job = Job.get()
    assert files_in(storage) == [str(storage.result_path(job.id)), str(storage.source_frame_path(job.id))]
    assert Upload.select().count() == 0


@pytest.mark.slow
def test_an_upload_from_the_page_stays_for_another_try(
    client: FlaskClient, upload: str, storage: Storage
) -> None:
    answer = client.post(f"/uploads/{upload}/jobs/", data={"start_time": "2", "duration": "1"})
    assert answer.status_code == 202
    assert storage.upload_path(upload).exists()
    page = client.get(answer.get_json()["status_url"], headers=PAGE)
    assert "Your background is ready" in page.text
    assert f"/uploads/{upload}/?start_time=00:00:02.000" in page.text


def test_a_job_takes_every_option_and_tells_them(app: Flask, client: FlaskClient, upload: str) -> None:
    sent = {
        "start_time": "00:00:02.000",
        "duration": "1",
        "quality": "small",
        "max_mb": "5",
        "framing": "fit",
        "focus": "0.25,0",
        "pad": "#102030",
        "size": "1280x720",
        "scaling": "pixelated",
        "loop": "boomerang",
        "speed": "0.5",
        "reverse": "on",
        "short": "repeat",
    }
    with app.test_request_context(method="POST", data=sent):
        options = parse_options(Upload.find(upload))
    address = f"/jobs/{Job.create(upload=upload, options_json=options.to_dict(), state=State.CANCELLED).id}/"
    numbers = {"duration": 1, "max_mb": 5, "speed": 0.5, "reverse": True}
    assert client.get(address).get_json()["recipe"] == {**sent, **numbers}
    page = client.get(address, headers=PAGE).text
    assert "framing=fit&amp;focus=0.25,0&amp;pad=%23102030&amp;scaling=pixelated&amp;loop=boomerang" in page


@pytest.mark.slow
def test_an_enqueued_job_says_where_to_ask(client: FlaskClient, upload: str) -> None:
    body = client.post(f"/uploads/{upload}/jobs/", data={"duration": "1"}).get_json()
    job_id = body["job_id"]
    assert body == {
        "enqueued": True,
        "job_id": job_id,
        "status": "queued",
        "async": True,
        "status_url": f"/jobs/{job_id}/",
    }


def test_a_queued_job_tells_its_place(client: FlaskClient, queued: Job, upload: str) -> None:
    second = Job.create(upload=upload, options_json=ConversionOptions().to_dict())
    body = client.get(f"/jobs/{second.id}/").get_json()
    assert (body["status"], body["state"], body["raw_state"]) == ("queued",) * 3
    assert body["queue_position"] == 1
    assert body["converted_url"] is None
    assert "1 before you" in client.get(f"/jobs/{second.id}/", headers=PAGE).text


def test_a_running_job_tells_step_percent_and_message(client: FlaskClient, running: Job) -> None:
    body = client.get(f"/jobs/{running.id}/").get_json()
    assert body["progress"] == {"step": "reading", "progress": 0.42, "message": "Reading your clip"}
    assert body["elapsed_s"] is not None
    page = client.get(f"/jobs/{running.id}/", headers=PAGE).text
    fragment = client.get(f"/jobs/{running.id}/status", headers=FRAGMENT).text
    for text in (page, fragment):
        assert "42%" in text
        assert "Reading your clip" in text
    assert fragment.lstrip().startswith('<section id="job"')
    assert 'hx-trigger="load delay:1s' in fragment


def test_a_job_that_was_interrupted_says_so_until_it_goes_on(client: FlaskClient, running: Job) -> None:
    def says_so() -> bool:
        told = [client.get(f"/jobs/{running.id}/").get_json()["progress"]["message"]]
        told.append(client.get(f"/jobs/{running.id}/", headers=PAGE).text)
        told.append(client.get(f"/jobs/{running.id}/status", headers=FRAGMENT).text)
        [answer] = {"This was interrupted. Starting again." in text for text in told}
        return answer

    assert not says_so()
    assert running.release()
    assert says_so()
    again = Job.claim(running.id, "another worker")
    assert again
    assert says_so()
    again.report(Progress("reading", 0.01, READING))
    assert says_so()
    again.report(Progress("choosing", 0.25, "Choosing colors"))
    assert not says_so()


def test_a_final_job_stops_asking(client: FlaskClient, running: Job) -> None:
    Job.cancel(running.id)
    fragment = client.get(f"/jobs/{running.id}/status", headers=FRAGMENT).text
    assert "hx-get" not in fragment


def test_a_failed_job_gives_its_reason(client: FlaskClient, running: Job) -> None:
    assert running.fail(NoFrames())
    body = client.get(f"/jobs/{running.id}/").get_json()
    assert body["status"] == "failed"
    assert body["error"] == {"code": "no_frames", "message": NoFrames.user_message}
    assert body["progress"]["progress"] < 1
    assert "Choose another start" in client.get(f"/jobs/{running.id}/", headers=PAGE).text


def test_cancelling_ends_a_queued_and_a_running_job(client: FlaskClient, running: Job, upload: str) -> None:
    waiting = Job.create(upload=upload, options_json=ConversionOptions().to_dict())
    for job in (waiting, running):
        answer = client.post(f"/jobs/{job.id}/cancel")
        assert answer.status_code == 202
        assert answer.get_json()["status"] == "cancelled"
    assert not running.report(Progress("reading", 0.5, "")), "the worker must learn of it"


def test_a_cancelled_one_shot_upload_goes_and_is_not_offered_again(
    client: FlaskClient, queued: Job, storage: Storage
) -> None:
    Upload.update(one_shot=True).execute()
    fragment = client.post(f"/jobs/{queued.id}/cancel", headers=FRAGMENT)
    assert "Back to your clip" not in fragment.text
    assert files_in(storage) == []


def test_cancelling_twice_is_no_error_but_a_finished_job_cannot_be(client: FlaskClient, running: Job) -> None:
    assert client.post(f"/jobs/{running.id}/cancel").status_code == 202
    assert client.post(f"/jobs/{running.id}/cancel").status_code == 202
    Job.update(state=State.SUCCESS).where(Job.id == running.id).execute()
    assert client.post(f"/jobs/{running.id}/cancel").status_code == 409


def test_cancelling_answers_page_and_fragment_in_kind(client: FlaskClient, queued: Job) -> None:
    fragment = client.post(f"/jobs/{queued.id}/cancel", headers=FRAGMENT)
    assert fragment.status_code == 200
    assert "Cancelled" in fragment.text
    page = client.post(f"/jobs/{queued.id}/cancel", headers=PAGE)
    assert page.status_code == 303


def test_a_queue_without_a_worker_says_so(client: FlaskClient, queued: Job) -> None:
    address = f"/jobs/{queued.id}/status"
    assert "Nothing is working on the queue" in client.get(address, headers=FRAGMENT).text
    Worker.record_heartbeat("worker-1")
    assert "Nothing is working on the queue" not in client.get(address, headers=FRAGMENT).text


@pytest.mark.parametrize(
    ("kind", "part"), [("estimate", "estimates"), ("loops", "loops"), ("preview", "preview")]
)
def test_the_studio_says_so_too(client: FlaskClient, queued: Job, kind: str, part: str) -> None:
    Job.update(kind=kind).execute()
    address = f"/jobs/{queued.id}/{part}"
    assert "Nothing is working on the queue" in client.get(address, headers=FRAGMENT).text
    assert "hx-get" in client.get(address, headers=FRAGMENT).text, "it goes on by itself"
    Worker.record_heartbeat("worker-1")
    assert "Nothing is working on the queue" not in client.get(address, headers=FRAGMENT).text


def test_the_first_page_says_so_before_anyone_uploads(app: Flask, client: FlaskClient) -> None:
    services = app.extensions["chromi"]
    settings = replace(services.settings, inline=False)
    notice = "No backgrounds are being made at the moment"
    app.extensions["chromi"] = replace(services, settings=settings)
    assert notice not in client.get("/", headers=PAGE).text, "a worker may start a moment after the server"
    long_ago = services.started_at - 60
    app.extensions["chromi"] = replace(services, settings=settings, started_at=long_ago)
    assert notice in client.get("/", headers=PAGE).text
    Worker.record_heartbeat("worker-1")
    assert notice not in client.get("/", headers=PAGE).text


def test_the_first_page_opens_though_the_rows_cannot_be_read(app: Flask, client: FlaskClient) -> None:
    services = app.extensions["chromi"]
    settings = replace(services.settings, inline=False)
    app.extensions["chromi"] = replace(services, settings=settings, started_at=services.started_at - 60)
    (settings.instance / "chromi.db").write_bytes(b"no database" * 10_000)
    assert client.get("/").status_code == 200
    assert client.get(f"/jobs/{'0' * 32}/").status_code == 503


@pytest.mark.parametrize("address", ["/jobs/{}/", "/jobs/{}/status", "/uploads/{}/", "/uploads/{}/video"])
@pytest.mark.parametrize("name", ["0" * 32, "nonsense", "..%2f..%2fetc"])
def test_unknown_ids_are_not_found(client: FlaskClient, address: str, name: str) -> None:
    answer = client.get(address.format(name))
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "not_found"


def test_what_an_answer_varies_by_is_said(client: FlaskClient, queued: Job) -> None:
    answer = client.get(f"/jobs/{queued.id}/")
    assert {"Accept", "HX-Request"} <= set(answer.vary)


def test_an_inline_failure_keeps_its_status_and_sentence(convert: PostForm, tmp_path: Path) -> None:
    options = ("-g", "1", "-movflags", "+faststart")
    content = clips.make_clip(tmp_path / "clip.mp4", seconds=4, options=options).read_bytes()
    damaged = content[: len(content) // 2] + bytes(len(content) // 2)
    answer = convert(damaged, start_time="3", duration="1")
    assert answer.status_code == 422
    error = answer.get_json()["error"]
    assert error == {"code": "encode_failed", "message": EncodeError.user_message}


def test_a_clip_that_is_gone_is_said(client: FlaskClient, upload: str) -> None:
    Upload.delete().execute()
    answer = client.post(f"/uploads/{upload}/jobs/", headers=FRAGMENT)
    assert answer.status_code == 404
    assert "Please upload it again" in answer.text


@pytest.mark.slow
def test_a_page_whose_result_has_expired_says_so(client: FlaskClient, convert: PostForm) -> None:
    convert(duration="1")
    job = Job.get()
    job.links.model.update(expires_at=1).execute()
    answer = client.get(f"/jobs/{job.id}/", headers=PAGE)
    assert answer.status_code == 410
    assert "Make a new background" in answer.text

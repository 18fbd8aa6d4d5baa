"""Asked for the same twice, Chromi makes it once and leads whoever asks to it."""

import threading
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, JobKind, State, database
from chromi.encoder import ConversionOptions
from tests.support.http_forms import FRAGMENT, PAGE


@pytest.fixture(autouse=True)
def _idle(app: Flask) -> None:
    """The queue has no worker at this moment."""
    services = app.extensions["chromi"]
    queue = replace(services.queue, enqueue=lambda job_id: None)
    app.extensions["chromi"] = replace(services, queue=queue)


@pytest.fixture
def running(client: FlaskClient, upload: str) -> str:
    job_id: str = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}).get_json()["job_id"]
    assert Job.claim(job_id, "worker-1")
    return job_id


def test_a_program_is_told_which_job_runs(client: FlaskClient, upload: str, running: str) -> None:
    answer = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2.0", "quality": "balanced"})
    assert answer.status_code == 409
    body = answer.get_json()
    assert body["error"]["code"] == "already_running"
    assert body["error"]["message"] == "This background is being made already."
    assert (body["job_id"], body["status_url"]) == (running, f"/jobs/{running}/")
    assert Job.select().count() == 1


def test_a_person_is_led_to_the_job_that_runs(client: FlaskClient, upload: str, running: str) -> None:
    page = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}, headers=PAGE)
    assert (page.status_code, page.location) == (303, f"/jobs/{running}/")
    fragment = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}, headers=FRAGMENT)
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (204, f"/jobs/{running}/")
    assert Job.select().count() == 1


def ask_together(app: Flask, address: str) -> list[TestResponse]:
    """POST this eight times at once."""
    answers: list[TestResponse] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        answers.append(app.test_client().post(address))
        database.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_many_who_ask_at_once_one_starts_it(app: Flask, client: FlaskClient, upload: str) -> None:
    answers = ask_together(app, f"/uploads/{upload}/jobs/")
    assert sorted(answer.status_code for answer in answers) == [202] + 7 * [409]
    assert {answer.get_json()["job_id"] for answer in answers} == {Job.get().id}


@pytest.mark.parametrize("state", [State.SUCCESS, State.FAILED, State.CANCELLED])
def test_what_has_ended_can_be_made_again(
    client: FlaskClient, upload: str, running: str, state: State
) -> None:
    Job.update(state=state).execute()
    assert client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}).status_code == 202


def test_another_wish_is_another_job(client: FlaskClient, upload: str, running: str) -> None:
    assert client.post(f"/uploads/{upload}/jobs/", data={"duration": "3"}).status_code == 202
    assert client.post(f"/uploads/{upload}/estimates/", data={"duration": "2"}).status_code == 202


def test_a_full_queue_still_leads_to_the_job_that_waits_in_it(
    app: Flask, client: FlaskClient, upload: str
) -> None:
    first = client.post(f"/uploads/{upload}/jobs/").get_json()["job_id"]
    services = app.extensions["chromi"]
    app.extensions["chromi"] = replace(services, settings=replace(services.settings, max_queue=1))
    answer = client.post(f"/uploads/{upload}/jobs/")
    assert (answer.status_code, answer.get_json()["job_id"]) == (409, first)


def test_trying_again_twice_is_one_more_job(client: FlaskClient, upload: str, running: str) -> None:
    Job.update(state=State.FAILED).execute()
    again = client.post(f"/jobs/{running}/again").get_json()["job_id"]
    answer = client.post(f"/jobs/{running}/again")
    assert (answer.status_code, answer.get_json()["job_id"]) == (409, again)
    assert client.post(f"/jobs/{running}/again", headers=PAGE).location == f"/jobs/{again}/"


def test_an_estimate_that_is_tried_again_twice_is_one(client: FlaskClient, upload: str) -> None:
    options = ConversionOptions().to_dict()
    failed = Job.create(upload=upload, kind=JobKind.ESTIMATE, options_json=options, state=State.FAILED)
    for _ in range(2):
        assert client.post(f"/jobs/{failed.id}/again").status_code == 202
    states = Job.select(Job.state).where(Job.id != failed.id).order_by(Job.created_at)
    assert [job.state for job in states] == [State.CANCELLED, State.QUEUED]


@pytest.mark.parametrize("kind", ["previews", "estimates", "loops"])
def test_of_many_at_once_one_of_a_kind_is_left(
    app: Flask, client: FlaskClient, upload: str, kind: str
) -> None:
    answers = ask_together(app, f"/uploads/{upload}/{kind}/")
    assert [answer.status_code for answer in answers] == [202] * 8
    assert Job.select().where(Job.state == State.QUEUED).count() == 1

"""A duplicate request returns the job already in progress."""

import threading
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, JobKind, State, database
from chromi.encoder import ConversionOptions
from tests.support.http_forms import FRAGMENT, PAGE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_worker")]


@pytest.fixture
def running_job_id(client: FlaskClient, upload: str) -> str:
    job_id: str = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}).get_json()["job_id"]
    assert Job.claim(job_id, "worker-1")
    return job_id


def test_duplicate_request_gets_409_with_the_running_job(
    client: FlaskClient, upload: str, running_job_id: str
) -> None:
    response = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2.0", "quality": "balanced"})
    assert response.status_code == 409
    body = response.get_json()
    assert body["error"]["code"] == "already_running"
    assert body["error"]["message"] == "This background is already being made."
    assert (body["job_id"], body["status_url"]) == (running_job_id, f"/jobs/{running_job_id}/")
    assert Job.select().count() == 1


def test_problem_details_contain_the_running_job(
    client: FlaskClient, upload: str, running_job_id: str
) -> None:
    headers = {"Accept": "application/problem+json"}
    response = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}, headers=headers)
    problem = response.get_json()
    assert (problem["status"], problem["error"]["code"]) == (409, "already_running")
    assert (problem["job_id"], problem["status_url"]) == (running_job_id, f"/jobs/{running_job_id}/")


def test_browser_is_redirected_to_the_running_job(
    client: FlaskClient, upload: str, running_job_id: str
) -> None:
    page = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}, headers=PAGE)
    assert (page.status_code, page.location) == (303, f"/jobs/{running_job_id}/")
    fragment = client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}, headers=FRAGMENT)
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (204, f"/jobs/{running_job_id}/")
    assert Job.select().count() == 1


def post_concurrently(app: Flask, path: str) -> list[TestResponse]:
    """POST to this path eight times at once."""
    responses: list[TestResponse] = []
    barrier = threading.Barrier(8)

    def post() -> None:
        barrier.wait()
        responses.append(app.test_client().post(path))
        database.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return responses


def test_concurrent_requests_create_one_job(app: Flask, client: FlaskClient, upload: str) -> None:
    responses = post_concurrently(app, f"/uploads/{upload}/jobs/")
    assert sorted(response.status_code for response in responses) == [202] + 7 * [409]
    assert {response.get_json()["job_id"] for response in responses} == {Job.get().id}


@pytest.mark.parametrize("state", [State.SUCCESS, State.FAILED, State.CANCELLED])
def test_ended_job_can_be_repeated(
    client: FlaskClient, upload: str, running_job_id: str, state: State
) -> None:
    Job.update(state=state).execute()
    assert client.post(f"/uploads/{upload}/jobs/", data={"duration": "2"}).status_code == 202


def test_other_options_or_kind_create_another_job(
    client: FlaskClient, upload: str, running_job_id: str
) -> None:
    assert client.post(f"/uploads/{upload}/jobs/", data={"duration": "3"}).status_code == 202
    assert client.post(f"/uploads/{upload}/estimates/", data={"duration": "2"}).status_code == 202


def test_full_queue_still_returns_the_queued_job(app: Flask, client: FlaskClient, upload: str) -> None:
    first = client.post(f"/uploads/{upload}/jobs/").get_json()["job_id"]
    services = app.extensions["chromi"]
    app.extensions["chromi"] = replace(services, settings=replace(services.settings, max_queue=1))
    response = client.post(f"/uploads/{upload}/jobs/")
    assert (response.status_code, response.get_json()["job_id"]) == (409, first)


def test_second_retry_returns_the_first_one(client: FlaskClient, upload: str, running_job_id: str) -> None:
    Job.update(state=State.FAILED).execute()
    retry_id = client.post(f"/jobs/{running_job_id}/again").get_json()["job_id"]
    response = client.post(f"/jobs/{running_job_id}/again")
    assert (response.status_code, response.get_json()["job_id"]) == (409, retry_id)
    assert client.post(f"/jobs/{running_job_id}/again", headers=PAGE).location == f"/jobs/{retry_id}/"


def test_second_retry_of_an_estimate_replaces_the_first_one(client: FlaskClient, upload: str) -> None:
    options = ConversionOptions().to_dict()
    failed = Job.create(upload=upload, kind=JobKind.ESTIMATE, options_json=options, state=State.FAILED)
    for _ in range(2):
        assert client.post(f"/jobs/{failed.id}/again").status_code == 202
    states = Job.select(Job.state).where(Job.id != failed.id).order_by(Job.created_at)
    assert [job.state for job in states] == [State.CANCELLED, State.QUEUED]


@pytest.mark.parametrize("kind", ["previews", "estimates", "loops"])
def test_concurrent_studio_requests_leave_one_queued_job(
    app: Flask, client: FlaskClient, upload: str, kind: str
) -> None:
    responses = post_concurrently(app, f"/uploads/{upload}/{kind}/")
    assert [response.status_code for response in responses] == [202] * 8
    assert Job.select().where(Job.state == State.QUEUED).count() == 1

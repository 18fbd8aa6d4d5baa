"""A client gets a share of the upload slots and the queue; a client without any gets one more."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.admission.admission_control import AdmissionControl, Reservation
from chromi.db import Job, JobKind, Upload
from chromi.encoder import ConversionOptions
from chromi.errors import QueueFull, UploadsFull
from tests.support.http_forms import form
from tests.support.remote_clients import OTHER_REMOTE, REMOTE
from tests.support.tus_client import TUS, create, send_chunk, start

pytestmark = pytest.mark.slow

# -- upload slots --------------------------------------------------------------------------------------------


def test_active_uploads_are_limited_per_client_and_in_total(client: FlaskClient) -> None:
    responses = [start(client, "8.8.8.8") for _ in range(3)]
    assert [response.status_code for response in responses] == [204, 204, 429]
    assert responses[-1].headers["Retry-After"] == "20"
    for address in ("9.9.9.9", "127.0.0.1"):
        assert [start(client, address).status_code for _ in range(2)] == [204, 204]
    response = start(client, "127.0.0.1")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "uploads_full")
    Upload.update(used_at=0).execute()  # all of them have stalled
    assert start(client, "127.0.0.1").status_code == 204


def test_uploads_without_a_byte_occupy_no_slot(client: FlaskClient) -> None:
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"):
        assert [create(client, 1000, address).status_code for _ in range(3)] == [201] * 3
    assert [start(client, "8.8.8.8").status_code for _ in range(2)] == [204, 204]


def test_upload_gets_its_slot_with_its_first_byte(client: FlaskClient) -> None:
    urls = [create(client, 1000, "8.8.8.8").location for _ in range(3)]
    responses = [send_chunk(client, url, 0, b"x") for url in urls]
    assert [response.status_code for response in responses] == [204, 204, 429]
    assert send_chunk(client, urls[0], 1, b"x").status_code == 204
    assert client.delete(urls[0], headers=TUS).status_code == 204
    assert send_chunk(client, urls[2], 0, b"x").status_code == 204


def test_client_without_active_upload_may_start_one_beyond_the_limit(client: FlaskClient) -> None:
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        assert [start(client, address).status_code for _ in range(2)] == [204, 204]
    for address in ("7.7.7.7", "127.0.0.1", "2001:4860::1"):
        assert [start(client, address).status_code for _ in range(2)] == [204, 503]


def test_clients_admitted_beyond_the_limit_are_limited_in_total(admission: AdmissionControl) -> None:
    crowd = [Reservation(f"client {number}", 1) for number in range(60)]
    admission.check_upload_slot("another", crowd[1:])
    with pytest.raises(UploadsFull):
        admission.check_upload_slot("another", crowd)
    rows: list[dict[str, object]] = [
        {"options_json": {}, "client": reservation.client} for reservation in crowd[1:]
    ]
    Job.insert_many(rows).execute()
    admission.check_job("another", JobKind.CONVERT)
    Job.create(options_json={})
    with pytest.raises(QueueFull):
        admission.check_job("another", JobKind.CONVERT)


@pytest.mark.parametrize("is_resumable", [False, True], ids=["whole", "resumable"])
def test_upload_belongs_to_the_client_that_sent_it(
    client: FlaskClient, admission: AdmissionControl, clip: Path, is_resumable: bool
) -> None:
    content = clip.read_bytes()
    if is_resumable:
        url = create(client, len(content), "8.8.8.8").location
        assert send_chunk(client, url, 0, content).status_code == 204
    else:
        assert client.post("/uploads/", **form(clip), environ_base=REMOTE).status_code == 201
    assert Upload.get().client == admission.client_of("8.8.8.8")


# -- the queue -----------------------------------------------------------------------------------------------


def test_client_gets_a_third_of_the_queue(
    client: FlaskClient, admission: AdmissionControl, upload: str
) -> None:
    name = admission.client_of("8.8.8.8")
    waiting = [Job.create(options_json=ConversionOptions().to_dict(), client=name) for _ in range(2)]
    response = client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE)
    assert response.status_code == 429
    assert "are already in the queue" in response.get_json()["error"]["message"]
    assert client.post(f"/uploads/{upload}/loops/", environ_base=OTHER_REMOTE).status_code == 202
    Job.cancel(waiting[0].id)
    assert client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE).status_code == 202


@pytest.mark.parametrize("kind", list(JobKind))
def test_client_without_waiting_job_is_admitted_to_a_full_queue(
    admission: AdmissionControl, kind: JobKind
) -> None:
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        for _ in range(2):
            name = admission.client_of(address)
            admission.admit_job(name, JobKind.CONVERT)
            Job.create(options_json={}, client=name)
    newcomer = admission.client_of("7.7.7.7")
    admission.admit_job(newcomer, kind)
    Job.create(options_json={}, client=newcomer, kind=kind)
    with pytest.raises(QueueFull):
        admission.check_job(newcomer, kind)
    if kind is JobKind.ESTIMATE:
        admission.check_job(newcomer, JobKind.CONVERT)  # the studio's own estimate does not count


def test_second_job_of_a_client_follows_the_first_jobs_of_all(admission: AdmissionControl) -> None:
    clients = {name: admission.client_of(f"8.8.8.{number}") for number, name in enumerate("abc", start=1)}
    jobs: dict[str, Job] = {}
    for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
        client = clients[name[0]]
        priority = admission.priority_for(client, JobKind.CONVERT)
        jobs[name] = Job.create(options_json={}, client=client, priority=priority)
    order = sorted(jobs, key=lambda name: jobs[name].queue_position)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    estimate, search = (
        admission.priority_for(clients["c"], kind) for kind in (JobKind.ESTIMATE, JobKind.LOOPS)
    )
    assert search < estimate < min(job.priority for job in jobs.values())
    assert [admission.priority_for(None, JobKind.CONVERT) for _ in range(2)] == [0, 0], "a local client"

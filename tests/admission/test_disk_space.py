"""Uploads and jobs are rejected if the disk has no space for them or they exceed the client's share of it."""

import logging
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from chromi.admission.admission_control import AdmissionControl, Reservation
from chromi.db import Job, Upload, database
from chromi.errors import RateLimited
from chromi.storage import Storage
from tests.admission.conftest import ON_EACH_DATABASE
from tests.support.disk_space import set_free_space
from tests.support.remote_clients import OTHER_REMOTE, REMOTE
from tests.support.tus_client import create, start

pytestmark = pytest.mark.slow

MB = 1_000_000


def test_upload_is_rejected_if_the_disk_has_no_space_for_it(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, storage: Storage
) -> None:
    set_free_space(monkeypatch, 501_500_000)
    assert start(client, "127.0.0.1", 1 * MB).status_code == 204
    response = create(client, 1 * MB)
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "disk_full")
    assert response.headers["Retry-After"]
    storage.partial_upload_path(Upload.get().id).write_bytes(bytes(900_000))  # 0.1 MB are missing
    assert create(client, 1 * MB).status_code == 201


def test_job_is_rejected_if_the_disk_is_nearly_full(
    client: FlaskClient, upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_free_space(monkeypatch, 100 * MB)
    for path in (f"/uploads/{upload}/jobs/", f"/uploads/{upload}/loops/"):
        response = client.post(path)
        assert (response.status_code, response.get_json()["error"]["code"]) == (503, "disk_full")


@ON_EACH_DATABASE
def test_client_may_store_a_third_of_the_disk(
    client: FlaskClient,
    admission: AdmissionControl,
    upload: str,
    job: Job,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A clip of 600 MB and a GIF of 400 MB, while 2 GB are free."""
    set_free_space(monkeypatch, 2_000 * MB)
    name = admission.client_of("8.8.8.8")
    Upload.update(client=name, length_bytes=600 * MB).execute()
    result = job.result_json["result"] | {"bytes": 400 * MB}
    Job.update(client=name, result_json={"result": result}).execute()
    assert client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE).status_code == 202
    Upload.update(length_bytes=600 * MB + 1).execute()
    job_response = client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE)
    for response in (job_response, create(client, 1000, "8.8.8.8")):
        assert (response.status_code, response.headers["Retry-After"]) == (429, "3600")
        assert "its share of storage" in response.get_json()["error"]["message"]
    assert client.post(f"/uploads/{upload}/loops/", environ_base=OTHER_REMOTE).status_code == 202
    assert create(client, 1000, "9.9.9.9").status_code == 201


def test_share_of_a_bucket_does_not_depend_on_the_free_space(
    admission: AdmissionControl, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of 10 GB is nearly full of copies."""
    set_free_space(monkeypatch, 600 * MB)
    with_bucket = replace(admission, storage=Storage(storage.uploads.parent.parent, "s3://bucket"))
    name = admission.client_of("8.8.8.8")
    for size_bytes in (3_000 * MB, 300 * MB):
        Upload.create(client=name, length_bytes=size_bytes, info_json={})
        with_bucket.check_upload(Reservation(name, 1), (), starts_job=True)
    Upload.create(client=name, length_bytes=100 * MB, info_json={})
    with pytest.raises(RateLimited, match="its share of storage"):
        with_bucket.check_upload(Reservation(name, 1), (), starts_job=True)


class QueryCapture(logging.Handler):
    """Collects the queries that peewee runs, with their parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: list[tuple[str, list[object]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.queries.append(record.msg)  # type: ignore[arg-type]


def test_disk_share_query_uses_an_index(admission: AdmissionControl) -> None:
    """The server's event loop runs these queries for each upload that begins."""
    capture, peewee = QueryCapture(), logging.getLogger("peewee")
    peewee.addHandler(capture)
    peewee.setLevel(logging.DEBUG)
    for address in ("8.8.8.8", "2001:4860::1"):
        admission.check_upload(Reservation(admission.client_of(address), 1), (), starts_job=True)
    peewee.setLevel(logging.NOTSET)
    peewee.removeHandler(capture)
    plans = [
        step[3]
        for sql, values in capture.queries
        for step in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    ]
    assert any("upload_client" in plan for plan in plans)
    assert any("job_client" in plan for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN")]

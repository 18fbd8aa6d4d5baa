"""POST /batches/ starts several conversions, which have one status and one ZIP."""

import io
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.config import Settings
from chromi.db import Batch, Job, Link, RateLimitUsage, State, Webhook
from chromi.encoder import ConversionResult
from chromi.jobs.cleanup import CleanupReport
from chromi.storage import Storage, new_id
from tests.support.http_forms import form
from tests.support.remote_clients import REMOTE
from tests.support.webhook_target import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_worker")]

HOUR_S = 3600


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, inline=False, webhook_secret=SECRET)


@pytest.fixture
def other_upload(client: FlaskClient, plain_clip: Path) -> str:
    upload_id: str = client.post("/uploads/", **form(plain_clip)).get_json()["upload_id"]
    return upload_id


def windows_of(response: TestResponse) -> list[tuple[str | None, float]]:
    """Return the upload and the start time of each job."""
    assert response.status_code == 202, response.text
    jobs = [Job.find(job_id) for job_id in response.get_json()["job_ids"]]
    return [(job.upload_id, job.options.start_s) for job in jobs]


def finish(job: Job, finished: tuple[Path, Path, ConversionResult], storage: Storage, content: bytes) -> None:
    """Leave a job as a worker does after success."""
    running = Job.claim(job.id, "worker-1")
    assert running
    shutil.copy(finished[1], storage.source_frame_path(job.id))
    storage.result_path(job.id).write_bytes(content)
    assert running.succeed({"result": finished[2].to_dict()})
    Link.create(job=job, expires_at=time.time() + HOUR_S, shared=False)


@pytest.fixture
def batch(client: FlaskClient, upload: str) -> Batch:
    """A batch of three windows."""
    data = {"upload_id": upload, "start_time": ["0", "1", "2"], "duration": "2"}
    return Batch.find(client.post("/batches/", data=data).get_json()["batch_id"])


# -- starting a batch ----------------------------------------------------------------------------------------


def test_several_windows_of_one_clip(client: FlaskClient, upload: str) -> None:
    data = {"upload_id": upload, "start_time": ["0", "00:00:01.5"], "duration": "2", "quality": "small"}
    response = client.post("/batches/", data=data)
    assert windows_of(response) == [(upload, 0), (upload, 1.5)]
    assert {job.options.quality for job in Job.select()} == {"small"}
    batch_id = response.get_json()["batch_id"]
    assert response.get_json()["status_url"] == f"/batches/{batch_id}/"


def test_several_clips_with_common_or_own_start_times(
    client: FlaskClient, upload: str, other_upload: str
) -> None:
    both = [upload, other_upload]
    common = client.post("/batches/", data={"upload_id": both, "start_time": "1", "duration": "1"})
    assert windows_of(common) == [(upload, 1), (other_upload, 1)]
    own = client.post("/batches/", data={"upload_id": both, "start_time": ["2", "3"], "duration": "1"})
    assert windows_of(own) == [(upload, 2), (other_upload, 3)]


def test_multipart_form_with_all_options_is_accepted(client: FlaskClient, upload: str) -> None:
    """It has more parts than other forms may have."""
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="start_time"\r\n\r\n{number / 10}\r\n'
        for number in range(16)
    )
    options = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n\r\n' for name in ("quality",) * 18
    )
    first = f'--x\r\nContent-Disposition: form-data; name="upload_id"\r\n\r\n{upload}\r\n'
    response = client.post(
        "/batches/", data=f"{first}{parts}{options}--x--\r\n", content_type="multipart/form-data; boundary=x"
    )
    assert len(windows_of(response)) == 16


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ({"upload_id": [], "start_time": ["1"]}, "1 to 16 windows"),
        ({"start_time": [str(number / 4) for number in range(17)]}, "1 to 16 windows"),
        ({"start_time": ["1", "1.0"]}, "are the same"),
        ({"start_time": ["1", "99"]}, "the video is only"),
        ({"start_time": ["1", "x"]}, "start_time"),
        ({"quality": "perfect"}, "quality"),
    ],
)
def test_invalid_batch_starts_no_job(
    client: FlaskClient, upload: str, windows: dict[str, list[str]], words: str
) -> None:
    response = client.post("/batches/", data={"upload_id": upload, "duration": "1", **windows})
    assert (response.status_code, response.get_json()["error"]["code"]) == (422, "bad_options")
    assert words in response.get_json()["error"]["message"]
    assert Job.select().count() == Batch.select().count() == 0


def test_start_times_must_match_the_clips(client: FlaskClient, upload: str, other_upload: str) -> None:
    data = {"upload_id": [upload, other_upload], "start_time": ["0", "1", "2"]}
    assert client.post("/batches/", data=data).status_code == 422


def test_missing_clip_starts_no_job(client: FlaskClient, upload: str) -> None:
    assert client.post("/batches/", data={"upload_id": [upload, new_id()]}).status_code == 404
    assert Job.select().count() == 0


def test_window_that_is_being_converted_conflicts(client: FlaskClient, upload: str) -> None:
    running_id = client.post(f"/uploads/{upload}/jobs/", data={"start_time": "1"}).get_json()["job_id"]
    response = client.post("/batches/", data={"upload_id": upload, "start_time": ["0", "1"]})
    assert (response.status_code, response.get_json()["job_id"]) == (409, running_id)
    assert Job.select().count() == 1


def test_batch_beyond_the_share_of_the_queue_starts_no_job_and_charges_nothing(
    app: Flask, client: FlaskClient, upload: str
) -> None:
    services = app.extensions["chromi"]
    limited = replace(services.admission, settings=replace(services.settings, max_queue=6))
    app.extensions["chromi"] = replace(services, admission=limited)
    data = {"upload_id": upload, "start_time": ["0", "1"], "duration": "1"}
    response = client.post("/batches/", data=data, environ_base=REMOTE)
    assert len(windows_of(response)) == 2
    assert '"jobs";r=1198' in response.headers["RateLimit"]
    usage = RateLimitUsage.get().free_at
    response = client.post("/batches/", data=data | {"start_time": ["2", "3"]}, environ_base=REMOTE)
    assert (response.status_code, response.get_json()["error"]["code"]) == (429, "too_many")
    assert (Job.select().count(), Batch.select().count(), RateLimitUsage.get().free_at) == (2, 1, usage)
    response = client.post("/batches/", data=data | {"start_time": ["2", "3", "4"]}, environ_base=REMOTE)
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (422, "bad_options"), "waiting would not help"
    assert "at most 2 conversions" in error["message"]


def test_same_key_returns_the_same_batch(client: FlaskClient, upload: str) -> None:
    headers = {"Idempotency-Key": "one"}
    responses = [client.post("/batches/", data={"upload_id": upload}, headers=headers) for _ in range(2)]
    assert responses[0].get_json() == responses[1].get_json()
    assert Job.select().count() == 1


def test_webhook_is_recorded_for_the_batch(client: FlaskClient, upload: str) -> None:
    data = {"upload_id": upload, "webhook_url": "https://example.org/"}
    batch_id = client.post("/batches/", data=data).get_json()["batch_id"]
    assert (Webhook.get().resource_id, Webhook.get().status_url) == (
        batch_id,
        f"http://localhost/batches/{batch_id}/",
    )


# -- status and ZIP ------------------------------------------------------------------------------------------


def test_status_is_that_of_all_jobs(client: FlaskClient, batch: Batch) -> None:
    def status() -> str:
        text: str = client.get(f"/batches/{batch.id}/").get_json()["status"]
        return text

    one, two, three = batch.list_jobs()
    assert status() == "queued"
    assert Job.claim(one.id, "worker-1")
    assert status() == "in_progress"
    Job.update(state=State.CANCELLED).where(Job.id == one.id).execute()
    assert status() == "in_progress"
    Job.cancel(two.id)
    Job.cancel(three.id)
    assert status() == "cancelled"
    Job.update(state=State.FAILED).where(Job.id == two.id).execute()
    assert status() == "failed"


def test_zip_contains_the_results_in_the_order_of_the_request(
    client: FlaskClient,
    batch: Batch,
    storage: Storage,
    finished_files: tuple[Path, Path, ConversionResult],
) -> None:
    one, two, three = batch.list_jobs()
    contents = [b"GIF" * 1_000_000, b"", b"last"]
    for job, content in zip((three, one), (contents[2], contents[0]), strict=True):
        finish(job, finished_files, storage, content)
    zip_url = f"/batches/{batch.id}/zip/"
    assert client.get(zip_url).status_code == 409
    assert client.get(f"/batches/{batch.id}/").get_json()["zip_url"] is None
    Job.cancel(two.id)
    body = client.get(f"/batches/{batch.id}/").get_json()
    assert body["zip_url"] == zip_url
    assert [job["job_id"] for job in body["jobs"]] == [one.id, two.id, three.id]
    response = client.get(zip_url)
    with ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["chromi_background_01.gif", "chromi_background_02.gif"]
        assert [archive.read(name) for name in archive.namelist()] == [contents[0], contents[2]]
    part = client.get(zip_url, headers={"Range": "bytes=2999990-", "If-Range": response.headers["ETag"]})
    assert (part.status_code, part.data) == (206, response.data[2999990:])
    assert Link.select().where(Link.uses > 0).count() == 0


def test_batch_without_result_has_no_zip(client: FlaskClient, batch: Batch) -> None:
    for job in batch.list_jobs():
        Job.cancel(job.id)
    assert client.get(f"/batches/{batch.id}/").get_json()["zip_url"] is None
    assert client.get(f"/batches/{batch.id}/zip/").status_code == 409


def test_expired_results_are_not_in_the_zip(
    client: FlaskClient,
    batch: Batch,
    storage: Storage,
    finished_files: tuple[Path, Path, ConversionResult],
) -> None:
    def expire(*jobs: Job) -> TestResponse:
        Link.update(expires_at=time.time() - 1).where(Link.job.in_(jobs)).execute()
        return client.get(f"/batches/{batch.id}/")

    jobs = batch.list_jobs()
    for job in jobs:
        finish(job, finished_files, storage, b"GIF")
    body = expire(jobs[1]).get_json()
    assert [job["converted_url"] is None for job in body["jobs"]] == [False, True, False]
    with ZipFile(io.BytesIO(client.get(body["zip_url"]).data)) as archive:
        assert len(archive.namelist()) == 2
    zip_url, body = body["zip_url"], expire(*jobs).get_json()
    assert (body["status"], body["zip_url"]) == ("success", None)
    assert client.get(zip_url).status_code == 410


def test_cleanup_keeps_failed_jobs_of_a_batch_as_long_as_results(
    batch: Batch, clean_up: Callable[[], CleanupReport]
) -> None:
    def count_jobs_after_cleanup(age_s: float) -> int:
        Job.update(state=State.FAILED, finished_at=time.time() - age_s).execute()
        clean_up()
        return len(batch.list_jobs())

    assert count_jobs_after_cleanup(23 * HOUR_S) == 3
    assert Batch.select().count() == 1
    shared = batch.list_jobs()[0]
    Link.create(job=shared, expires_at=time.time() + HOUR_S)
    Job.update(state=State.SUCCESS).where(Job.id == shared.id).execute()
    Job.update(finished_at=time.time() - 25 * HOUR_S).execute()
    clean_up()
    assert (batch.state, len(batch.list_jobs())) == (State.FAILED, 3)
    assert count_jobs_after_cleanup(25 * HOUR_S) == 0
    assert Batch.select().count() == 0

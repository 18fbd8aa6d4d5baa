"""Each remote client has hourly quotas of uploads, bytes, jobs and seconds of ffmpeg."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from peewee import OperationalError

from chromi.admission import quota as quota_module
from chromi.admission.admission_control import AdmissionControl
from chromi.admission.quota import byte_quota, job_quota
from chromi.config import Settings
from chromi.db import RateLimitUsage, Upload
from chromi.encoder import VideoInfo, probe_video
from chromi.errors import RateLimited, ServiceBusy
from chromi.jobs import cleanup
from chromi.storage import Storage
from chromi.web import upload_receiver
from tests.support.http_forms import FRAGMENT, PAGE, files_in, form
from tests.support.remote_clients import REMOTE
from tests.support.tus_client import TUS, create, send_chunk

pytestmark = pytest.mark.slow

MB = 1_000_000


def used_share(quota: str) -> float:
    """Return the used amount of a quota as a share of an hour, summed over all clients."""
    rows = RateLimitUsage.select().where(RateLimitUsage.id.startswith(quota))
    return sum(max(0.0, row.free_at - time.time()) for row in rows) / 3600


def test_uploads_per_hour_are_limited(client: FlaskClient) -> None:
    for _ in range(3):
        assert create(client, 1000, "8.8.8.8").status_code == 201
        Upload.delete().execute()
    response = create(client, 1000, "8.8.8.8")
    assert (response.status_code, response.get_json()["error"]["code"]) == (429, "too_many")
    assert 1100 < int(response.headers["Retry-After"]) <= 1200
    assert "20 min" in response.get_json()["error"]["message"]
    assert create(client, 1000, "9.9.9.9").status_code == 201


def test_bytes_per_hour_are_limited(client: FlaskClient) -> None:
    assert create(client, 10 * MB, "8.8.8.8").status_code == 201
    assert create(client, 9 * MB, "8.8.8.8").status_code == 201
    Upload.delete().execute()
    assert create(client, 9 * MB, "8.8.8.8").status_code == 429
    assert Upload.select().count() == 0


def send_in_another_field(client: FlaskClient, body: bytes) -> int:
    return client.post("/convert/", **form(body, field="other"), environ_base=REMOTE).status_code


def send_as_json(client: FlaskClient, body: bytes) -> int:
    sent = {"data": body, "content_type": "application/json"}
    return client.post("/uploads/", **sent, environ_base=REMOTE).status_code


def send_after_the_form(client: FlaskClient, body: bytes) -> int:
    sent = form(None, quality="best")
    sent["data"] += body
    return client.post("/uploads", **sent, environ_base=REMOTE).status_code


def send_from_another_site(client: FlaskClient, body: bytes) -> int:
    headers = {"Sec-Fetch-Site": "cross-site"}
    return client.post("/uploads/", **form(body), headers=headers, environ_base=REMOTE).status_code


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (send_in_another_field, 400),
        (send_as_json, 415),
        (send_after_the_form, 400),
        (send_from_another_site, 403),
    ],
)
def test_received_bytes_are_charged_whatever_the_response(
    client: FlaskClient, storage: Storage, send: Callable[[FlaskClient, bytes], int], status: int
) -> None:
    assert send(client, bytes(15 * MB)) == status
    assert files_in(storage) == []
    assert create(client, 6 * MB, "8.8.8.8").status_code == 429
    assert create(client, 4 * MB, "8.8.8.8").status_code == 201


def test_form_beyond_the_quota_is_charged_and_rejected(client: FlaskClient) -> None:
    assert create(client, 15 * MB, "8.8.8.8").status_code == 201
    response = client.post("/uploads/", **form(bytes(10 * MB)), environ_base=REMOTE)
    assert (response.status_code, response.get_json()["error"]["code"]) == (429, "too_many")
    assert create(client, 1 * MB, "8.8.8.8").status_code == 429


def test_largest_clip_fits_the_smallest_quota(client: FlaskClient) -> None:
    response = client.post("/uploads/", **form(bytes(20 * MB)), environ_base=REMOTE)
    assert response.get_json()["error"]["code"] == "not_a_video"


def test_jobs_per_hour_are_limited(client: FlaskClient, upload: str) -> None:
    for _ in range(2):
        assert client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE).status_code == 202
    response = client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE, headers=FRAGMENT)
    assert response.status_code == 429
    assert 'data-part="retry">Try again' in response.text
    assert client.post(f"/uploads/{upload}/loops/").status_code == 202


def test_forged_forwarding_headers_do_not_change_the_client(client: FlaskClient) -> None:
    for number in range(3):
        create(client, 1000, "8.8.8.8", **{"X-Forwarded-For": f"1.1.1.{number}", "Forwarded": "for=1.1.1.1"})
        Upload.delete().execute()
    assert create(client, 1000, "8.8.8.8", **{"X-Forwarded-For": "1.1.1.9"}).status_code == 429


def test_rejected_form_shows_the_error_and_leaves_no_file(
    client: FlaskClient, storage: Storage, clip: Path
) -> None:
    for _ in range(3):
        client.post("/uploads/", **form(b"no video"), environ_base=REMOTE)
    response = client.post("/uploads/", **form(clip), environ_base=REMOTE, headers=PAGE)
    assert response.status_code == 429
    assert "Your network has reached its hourly limit" in response.text
    assert 'enctype="multipart/form-data"' in response.text
    assert files_in(storage) == []


def use_up_jobs(settings: Settings, admission: AdmissionControl) -> None:
    job_quota(settings).acquire(admission.client_of(REMOTE["REMOTE_ADDR"]), settings.jobs_per_hour)


def test_conversion_beyond_jobs_per_hour_is_not_charged_as_an_upload(
    client: FlaskClient, settings: Settings, admission: AdmissionControl, storage: Storage, clip: Path
) -> None:
    use_up_jobs(settings, admission)
    response = client.post("/convert/", **form(clip), environ_base=REMOTE)
    assert (response.status_code, response.get_json()["error"]["code"]) == (429, "too_many")
    assert files_in(storage) == []
    assert (used_share("uploads"), used_share("probe seconds")) == (0, 0)


# -- refunds -------------------------------------------------------------------------------------------------


def delete_upload(client: FlaskClient, settings: Settings, storage: Storage, url: str) -> None:
    assert client.delete(url, headers=TUS).status_code == 204


def let_upload_expire(client: FlaskClient, settings: Settings, storage: Storage, url: str) -> None:
    Upload.update(used_at=0).execute()
    assert cleanup._remove_unused_uploads(settings, storage, "holder") == 1


def test_conversion_is_refunded_if_its_job_is_rejected_after_the_probe(
    client: FlaskClient,
    settings: Settings,
    admission: AdmissionControl,
    storage: Storage,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another request starts the last job of the hour while the clip is being probed."""

    def probe_slowly(path: Path) -> VideoInfo:
        use_up_jobs(settings, admission)
        return probe_video(path)

    monkeypatch.setattr(upload_receiver, "probe_video", probe_slowly)
    response = client.post("/convert/", **form(clip), environ_base=REMOTE)
    assert (response.status_code, response.get_json()["error"]["code"]) == (429, "too_many")
    assert (files_in(storage), Upload.select().count()) == ([], 0)
    assert used_share("uploads") == 0


@pytest.mark.parametrize("path", ["/uploads/", "/convert/"])
@pytest.mark.parametrize("failing", ["probe_video", "publish", "create"])
def test_form_that_fails_for_no_fault_of_its_file_is_refunded(
    client: FlaskClient,
    storage: Storage,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    failing: str,
) -> None:
    owner, error = {
        "probe_video": (upload_receiver, RateLimited.hourly_quota(60)),
        "publish": (Storage, ServiceBusy()),
        "create": (Upload, OperationalError("database is locked")),
    }[failing]
    raise_error(monkeypatch, owner, failing, error)
    assert client.post(path, **form(clip), environ_base=REMOTE).status_code in (429, 503)
    assert (files_in(storage), used_share("uploads")) == ([], 0)


def raise_error(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, error: Exception) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(owner, name, fail)


def test_resumable_upload_that_is_not_created_is_refunded(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_error(monkeypatch, Upload, "create", OperationalError("database is locked"))
    assert create(client, 20 * MB, "8.8.8.8").status_code == 503
    assert (used_share("uploads"), used_share("bytes")) == (0, 0)


def test_resumable_upload_beyond_its_bytes_is_refunded(
    client: FlaskClient, settings: Settings, admission: AdmissionControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request uses up the bytes after they were checked."""
    name = admission.client_of("8.8.8.8")
    check = AdmissionControl.check_upload

    def check_and_use_up(*arguments: Any, **named: Any) -> None:
        check(*arguments, **named)
        byte_quota(settings).charge(name, 20 * MB)

    monkeypatch.setattr(AdmissionControl, "check_upload", check_and_use_up)
    assert create(client, 1 * MB, "8.8.8.8").status_code == 429
    assert used_share("uploads") == 0


@pytest.mark.parametrize("end_upload", [delete_upload, let_upload_expire])
@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860::1"])
def test_bytes_that_were_not_sent_are_refunded(
    client: FlaskClient,
    settings: Settings,
    storage: Storage,
    end_upload: Callable[[FlaskClient, Settings, Storage, str], None],
    address: str,
) -> None:
    url = create(client, 20 * MB, address).location
    assert send_chunk(client, url, 0, bytes(5 * MB)).status_code == 204
    assert create(client, 15 * MB, address).status_code == 429
    end_upload(client, settings, storage, url)
    assert create(client, 15 * MB, address).status_code == 201
    assert create(client, 1 * MB, address).status_code == 429


# -- seconds of ffmpeg ---------------------------------------------------------------------------------------


def test_probe_seconds_are_charged_to_remote_clients(client: FlaskClient, clip: Path) -> None:
    """The quota is six seconds: two for each of the three uploads per hour."""
    assert client.post("/uploads/", **form(clip), environ_base=REMOTE).status_code == 201
    assert 0.02 < used_share("probe seconds") * 6 < 5
    RateLimitUsage.delete().execute()
    assert client.post("/uploads/", **form(clip)).status_code == 201
    assert used_share("probe seconds") == 0


def test_locked_database_after_the_probe_does_not_reject_the_upload(
    client: FlaskClient, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(quota_module.Quota, "charge", fail)
    assert client.post("/uploads/", **form(clip), environ_base=REMOTE).status_code == 201


@pytest.fixture
def quota_of_one_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each client the seconds for one probe, however short it is."""
    monkeypatch.setattr(quota_module, "PROBE_S_PER_UPLOAD", 1.001 / 3)


@pytest.mark.usefixtures("quota_of_one_probe")
def test_nothing_is_probed_after_the_probe_quota_is_used_up(
    client: FlaskClient, clip: Path, storage: Storage
) -> None:
    content = clip.read_bytes()
    url = create(client, len(content), "8.8.8.8").location
    assert client.post("/uploads/", **form(clip), environ_base=REMOTE).status_code == 201
    before = files_in(storage)
    for path in ("/uploads/", "/convert/"):
        response = client.post(path, **form(clip), environ_base=REMOTE)
        assert (response.status_code, response.get_json()["error"]["code"]) == (429, "too_many")
    assert files_in(storage) == before
    assert create(client, len(content), "8.8.8.8").status_code == 429
    response = send_chunk(client, url, 0, content)
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) < 3600
    RateLimitUsage.delete().execute()
    assert send_chunk(client, url, len(content), b"").status_code == 204, "all bytes were stored"

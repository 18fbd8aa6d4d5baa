"""Each remote client has hourly quotas of uploads, bytes, jobs and seconds of ffmpeg."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.admission import quota as quota_module
from chromi.config import Settings
from chromi.db import RateLimitUsage, Upload
from chromi.jobs import cleanup
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE, files_in, form
from tests.support.remote_clients import REMOTE
from tests.support.tus_client import TUS, create, send_chunk

MB = 1_000_000


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
    assert "A lot has come from your network" in response.text
    assert 'enctype="multipart/form-data"' in response.text
    assert files_in(storage) == []


# -- refunds -------------------------------------------------------------------------------------------------


def delete_upload(client: FlaskClient, settings: Settings, storage: Storage, url: str) -> None:
    assert client.delete(url, headers=TUS).status_code == 204


def let_upload_expire(client: FlaskClient, settings: Settings, storage: Storage, url: str) -> None:
    Upload.update(used_at=0).execute()
    assert cleanup._remove_unused_uploads(settings, storage) == 1


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


def used_share(quota: str) -> float:
    """Return the used amount of a quota as a share of an hour, summed over all clients."""
    rows = RateLimitUsage.select().where(RateLimitUsage.id.startswith(quota))
    return sum(max(0.0, row.free_at - time.time()) for row in rows) / 3600


def test_probe_seconds_are_charged_to_remote_clients(client: FlaskClient, clip: Path) -> None:
    """The quota is six seconds: two for each of the three uploads per hour."""
    assert client.post("/uploads/", **form(clip), environ_base=REMOTE).status_code == 201
    assert 0.02 < used_share("probe seconds") * 6 < 5
    RateLimitUsage.delete().execute()
    assert client.post("/uploads/", **form(clip)).status_code == 201
    assert used_share("probe seconds") == 0


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

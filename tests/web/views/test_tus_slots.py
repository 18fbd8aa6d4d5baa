"""Only received bytes keep the slot of a resumable upload and extend its lifetime."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.config import Settings
from chromi.db import Upload
from chromi.jobs.cleanup import _remove_unused_uploads
from chromi.storage import Storage
from tests.support import tus_client
from tests.support.http_forms import PAGE, files_in
from tests.support.tus_client import offset_of, send_chunk, upload_id_of

pytestmark = pytest.mark.slow

REMOTE = "8.8.8.8"


def age_uploads(seconds: float) -> None:
    """Move all times of unfinished uploads into the past."""
    times = (Upload.created_at, Upload.started_at, Upload.used_at)
    Upload.update({field: field - seconds for field in times}).execute()


def create(client: FlaskClient) -> TestResponse:
    return tus_client.create(client, 1_000_000, REMOTE)


def start(client: FlaskClient, count: int) -> list[str]:
    """Create this many uploads as one client, send the first byte of each, and return their URLs."""
    urls = [create(client).location for _ in range(count)]
    assert [send_chunk(client, url, 0, b"x").status_code for url in urls] == [204] * count
    return urls


def test_requests_without_bytes_do_not_keep_a_slot(client: FlaskClient) -> None:
    not_started = create(client).location
    urls = start(client, 13)
    assert create(client).status_code == send_chunk(client, not_started, 0, b"x").status_code == 429
    for _ in range(2):
        age_uploads(50)
        for url in urls:
            page = f"/uploads/{upload_id_of(url)}/"
            assert client.get(page).status_code == client.get(page, headers=PAGE).status_code == 200
            assert offset_of(client, url) == 1
            assert send_chunk(client, url, 1, b"").status_code == 204
            assert send_chunk(client, url, 5, b"x").status_code == 409
    age_uploads(30)
    assert offset_of(client, not_started) == 0, "the rejected byte was stored"
    assert create(client).status_code == 201
    assert send_chunk(client, not_started, 0, b"x").status_code == 204


def test_slow_upload_loses_its_slot_after_two_minutes(client: FlaskClient) -> None:
    steady, slow, *_ = start(client, 13)
    age_uploads(50)
    assert send_chunk(client, steady, 1, bytes(150_000)).status_code == 204
    assert send_chunk(client, slow, 1, bytes(5)).status_code == 204
    age_uploads(60)
    assert send_chunk(client, steady, 150_001, bytes(5)).status_code == 204
    assert send_chunk(client, slow, 6, bytes(5)).status_code == 204
    assert create(client).status_code == 429
    age_uploads(30)
    start(client, 12)
    assert create(client).status_code == 429
    assert send_chunk(client, slow, 11, bytes(5)).status_code == 204, "it may continue without a slot"


def test_upload_continues_after_a_long_interruption(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes
) -> None:
    age_uploads(1800)
    start(client, 13)
    middle = len(content) // 2
    assert send_chunk(client, half_upload, middle, content[middle:-1]).status_code == 204
    assert send_chunk(client, half_upload, len(content) - 1, content[-1:]).status_code == 204
    assert storage.upload_path(upload_id_of(half_upload)).read_bytes() == content


def test_requests_without_bytes_do_not_extend_the_lifetime(
    settings: Settings, client: FlaskClient, half_upload: str, storage: Storage
) -> None:
    age_uploads(settings.upload_ttl_s - 20)
    client.get(f"/uploads/{upload_id_of(half_upload)}/")
    assert send_chunk(client, half_upload, offset_of(client, half_upload), b"").status_code == 204
    assert _remove_unused_uploads(settings, storage, "holder") == 0
    age_uploads(40)
    assert _remove_unused_uploads(settings, storage, "holder") == 1
    assert files_in(storage) == []


def test_each_chunk_extends_the_lifetime(
    settings: Settings, half_upload: str, storage: Storage, client: FlaskClient
) -> None:
    age_uploads(settings.upload_ttl_s - 20)
    assert send_chunk(client, half_upload, offset_of(client, half_upload), b"x").status_code == 204
    age_uploads(40)
    assert _remove_unused_uploads(settings, storage, "holder") == 0

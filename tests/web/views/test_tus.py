"""A resumable upload arrives byte for byte and continues after any interruption."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi import create_app
from chromi.config import Settings
from chromi.db import Upload
from chromi.jobs.removal import remove_upload
from chromi.storage import Storage
from chromi.web.views import tus
from tests.support.http_forms import PAGE, files_in, form
from tests.support.tus_client import (
    CHUNK,
    CREATION_URL,
    TUS,
    create,
    is_stored,
    offset_of,
    send_chunk,
    upload_id_of,
)

pytestmark = pytest.mark.slow


def test_clip_sent_in_chunks_arrives_byte_for_byte(
    client: FlaskClient, storage: Storage, content: bytes
) -> None:
    url = create(client, len(content)).location
    assert offset_of(client, url) == 0
    chunk_bytes = len(content) // 5 + 1
    for start in range(0, len(content), chunk_bytes):
        chunk = content[start : start + chunk_bytes]
        response = send_chunk(client, url, start, chunk)
        assert (response.status_code, response.data) == (204, b"")
        assert int(response.headers["Upload-Offset"]) == start + len(chunk) == offset_of(client, url)
    assert is_stored(storage, url, content)


@pytest.mark.usefixtures("without_worker")
def test_complete_resumable_upload_is_an_ordinary_upload(
    client: FlaskClient, half_upload: str, content: bytes
) -> None:
    send_chunk(client, half_upload, len(content) // 2, content[len(content) // 2 :])
    page = f"/uploads/{upload_id_of(half_upload)}/"
    body = client.get(page).get_json()
    assert body["info"]["codec"] == "h264"
    assert client.get(body["video_url"]).data == content
    assert "Choose your six seconds" in client.get(page, headers=PAGE).text
    assert client.post(f"{page}jobs/", data={"duration": "1"}).status_code == 202


# -- creation ------------------------------------------------------------------------------------------------


def test_options_lists_version_extensions_and_maximum_size(client: FlaskClient) -> None:
    headers = client.options(CREATION_URL).headers
    assert headers["Tus-Version"] == "1.0.0"
    assert headers["Tus-Extension"] == "creation,termination"
    assert headers["Tus-Max-Size"] == "100000000"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_other_protocol_version_is_rejected(
    client: FlaskClient, half_upload: str, method: str, version: str | None
) -> None:
    url = CREATION_URL if method == "POST" else half_upload
    headers = {"Upload-Length": "5", **({"Tus-Resumable": version} if version else {})}
    response = client.open(url, method=method, headers=headers)
    assert response.status_code == 412
    assert response.headers["Tus-Version"] == response.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("length", [None, "", "-1", "1.5", "many", "٣", "9" * 20])
def test_invalid_upload_length_is_rejected(client: FlaskClient, storage: Storage, length: str | None) -> None:
    headers = TUS if length is None else TUS | {"Upload-Length": length.encode().decode("latin-1")}
    response = client.post(CREATION_URL, headers=headers)
    assert response.status_code == 400
    assert "Upload-Length" in response.get_json()["error"]["message"]
    assert files_in(storage) == []


@pytest.mark.parametrize(
    ("length", "status", "code"), [(0, 400, "missing_video"), (100_000_001, 413, "too_large")]
)
def test_empty_or_too_large_file_is_rejected_at_creation(
    client: FlaskClient, storage: Storage, length: int, status: int, code: str
) -> None:
    response = create(client, length)
    assert (response.status_code, response.get_json()["error"]["code"]) == (status, code)
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert files_in(storage) == []
    assert Upload.select().count() == 0


# -- chunks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Content-Type": "video/mp4"}, 415, "not_a_chunk"),
        ({"Upload-Offset": "0"}, 409, "wrong_offset"),
        ({"Upload-Offset": "99999999"}, 409, "wrong_offset"),
        ({"Upload-Offset": "-1"}, 400, "bad_request"),
        ({"Upload-Offset": ""}, 400, "bad_request"),
    ],
)
def test_invalid_chunk_changes_nothing(
    client: FlaskClient, half_upload: str, content: bytes, changes: dict[str, str], status: int, code: str
) -> None:
    headers = CHUNK | {"Upload-Offset": str(len(content) // 2)} | changes
    response = client.patch(half_upload, headers=headers, data=b"x" * 10)
    assert (response.status_code, response.get_json()["error"]["code"]) == (status, code)
    assert offset_of(client, half_upload) == len(content) // 2


def test_chunk_beyond_the_announced_length_changes_nothing(
    client: FlaskClient, half_upload: str, content: bytes
) -> None:
    middle = len(content) // 2
    response = send_chunk(client, half_upload, middle, content[middle:] + b"x")
    assert (response.status_code, response.get_json()["error"]["code"]) == (413, "too_large")
    assert offset_of(client, half_upload) == middle


def test_received_part_of_an_interrupted_chunk_is_stored(
    client: FlaskClient, storage: Storage, content: bytes
) -> None:
    url = create(client, len(content)).location
    response = client.patch(
        url,
        headers=CHUNK | {"Upload-Offset": "0"},
        input_stream=io.BytesIO(content[:100_000]),
        environ_overrides={"CONTENT_LENGTH": str(len(content))},
    )
    assert response.status_code == 400
    assert offset_of(client, url) == 100_000
    assert send_chunk(client, url, 100_000, content[100_000:]).status_code == 204
    assert is_stored(storage, url, content)


class PausedBody(io.BytesIO):
    """A request body whose content arrives once the test sets `may_continue`."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_read, self.may_continue = threading.Event(), threading.Event()

    def readinto(self, buffer: Any) -> int:
        self.is_read.set()
        assert self.may_continue.wait(30)
        return super().readinto(buffer)


def send_paused_body(app: Flask, url: str, start: int, body: PausedBody) -> TestResponse:
    return app.test_client().patch(
        url,
        headers=CHUNK | {"Upload-Offset": str(start)},
        input_stream=body,
        environ_overrides={"CONTENT_LENGTH": str(len(body.getvalue()))},
    )


def test_concurrent_chunks_do_not_mix(app: Flask, half_upload: str, storage: Storage, content: bytes) -> None:
    middle = len(content) // 2
    body = PausedBody(content[middle:])
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(send_paused_body, app, half_upload, middle, body)
        assert body.is_read.wait(30)
        second = send_chunk(app.test_client(), half_upload, middle, content[middle:])
        assert (second.status_code, second.get_json()["error"]["code"]) == (423, "upload_locked")
        body.may_continue.set()
        assert first.result().status_code == 204
    assert is_stored(storage, half_upload, content)


# -- resuming ------------------------------------------------------------------------------------------------


def test_upload_continues_after_a_restart(
    settings: Settings, half_upload: str, storage: Storage, content: bytes
) -> None:
    client = create_app(settings).test_client()
    middle = offset_of(client, half_upload)
    assert send_chunk(client, half_upload, middle, content[middle:]).status_code == 204
    assert is_stored(storage, half_upload, content)


def test_empty_chunk_completes_an_upload_whose_server_died_after_the_last_byte(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes
) -> None:
    storage.partial_upload_path(upload_id_of(half_upload)).write_bytes(content)
    assert offset_of(client, half_upload) == len(content)
    assert send_chunk(client, half_upload, len(content), b"").status_code == 204
    assert is_stored(storage, half_upload, content)


def test_client_that_missed_the_last_response_may_repeat_the_request(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes
) -> None:
    middle = len(content) // 2
    send_chunk(client, half_upload, middle, content[middle:])
    assert offset_of(client, half_upload) == len(content)
    repeated = send_chunk(client, half_upload, len(content), b"")
    assert (repeated.status_code, repeated.headers["Upload-Offset"]) == (204, str(len(content)))
    assert send_chunk(client, half_upload, middle, content[middle:]).status_code == 409
    assert send_chunk(client, half_upload, len(content), b"x").status_code == 413
    assert is_stored(storage, half_upload, content)


# -- deletion and unknown uploads ----------------------------------------------------------------------------


def test_deleted_upload_is_gone(client: FlaskClient, half_upload: str, storage: Storage) -> None:
    assert client.delete(half_upload, headers=TUS).status_code == 204
    assert files_in(storage) == []
    assert client.head(half_upload, headers=TUS).status_code == 404
    assert send_chunk(client, half_upload, 0, b"x").status_code == 404
    assert client.delete(half_upload, headers=TUS).status_code == 404


def test_upload_deleted_while_a_chunk_arrives_is_gone(
    app: Flask, half_upload: str, storage: Storage, content: bytes
) -> None:
    middle = len(content) // 2
    body = PausedBody(content[middle:-1])
    with ThreadPoolExecutor(1) as thread:
        chunk = thread.submit(send_paused_body, app, half_upload, middle, body)
        assert body.is_read.wait(30)
        assert app.test_client().delete(half_upload, headers=TUS).status_code == 204
        body.may_continue.set()
        assert chunk.result().status_code == 404
    assert files_in(storage) == []


def test_upload_deleted_by_another_request_meanwhile_is_gone(
    client: FlaskClient, half_upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_twice(*arguments: Any) -> bool:
        assert remove_upload(*arguments)
        return remove_upload(*arguments)

    monkeypatch.setattr(tus, "remove_upload", delete_twice)
    assert client.delete(half_upload, headers=TUS).status_code == 404


def test_complete_upload_cannot_be_deleted(client: FlaskClient, storage: Storage, content: bytes) -> None:
    upload_id = client.post("/uploads/", **form(content)).get_json()["upload_id"]
    assert client.delete(f"{CREATION_URL}{upload_id}", headers=TUS).status_code == 409
    assert storage.upload_path(upload_id).exists()


@pytest.mark.parametrize("upload_id", ["0" * 32, "x", "..", "%2e%2e%2fchromi.db"])
def test_unknown_upload_is_not_found(client: FlaskClient, upload_id: str) -> None:
    assert client.head(f"{CREATION_URL}{upload_id}", headers=TUS).status_code == 404


def test_upload_whose_bytes_are_on_another_machine_is_sent_again(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes
) -> None:
    """A load balancer has sent the second chunk to another web server than the first."""
    storage.partial_upload_path(upload_id_of(half_upload)).unlink()
    assert send_chunk(client, half_upload, len(content) // 2, content[len(content) // 2 :]).status_code == 409
    assert offset_of(client, half_upload) == 0
    assert send_chunk(client, half_upload, 0, content).status_code == 204
    assert is_stored(storage, half_upload, content)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_cross_site_requests_change_nothing(
    client: FlaskClient, half_upload: str, content: bytes, method: str
) -> None:
    headers = CHUNK | {"Upload-Offset": str(len(content) // 2), "Upload-Length": "5"}
    url = CREATION_URL if method == "POST" else half_upload
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://other.example"}):
        response = client.open(url, method=method, headers=headers | site)
        assert (response.status_code, response.get_json()["error"]["code"]) == (403, "cross_site")
    assert Upload.select().count() == 1
    assert offset_of(client, half_upload) == len(content) // 2

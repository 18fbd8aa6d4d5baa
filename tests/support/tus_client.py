"""Send requests of the tus protocol for resumable uploads with a Flask test client."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Upload
from chromi.storage import Storage
from tests.support.http_forms import files_in

TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = TUS | {"Content-Type": "application/offset+octet-stream"}
CREATION_URL = "/uploads/resumable/"


def create(client: FlaskClient, size_bytes: int, address: str = "127.0.0.1", **headers: str) -> TestResponse:
    """Create an upload as the client with this address; the response's location is the upload's URL."""
    return client.post(
        CREATION_URL,
        headers={**TUS, "Upload-Length": str(size_bytes), **headers},
        environ_base={"REMOTE_ADDR": address},
    )


def send_chunk(client: FlaskClient, url: str, offset: int, chunk: bytes, **more: Any) -> TestResponse:
    return client.patch(url, headers=CHUNK | {"Upload-Offset": str(offset)}, data=chunk, **more)


def start(client: FlaskClient, address: str, size_bytes: int = 1000) -> TestResponse:
    """Create an upload and send its first byte. If the creation is rejected, return that response."""
    response = create(client, size_bytes, address)
    return response if response.status_code != 201 else send_chunk(client, response.location, 0, b"x")


def offset_of(client: FlaskClient, url: str) -> int:
    """Return how many bytes of an upload the server has."""
    response = client.head(url, headers=TUS)
    assert response.status_code == 200
    return int(response.headers["Upload-Offset"])


def upload_id_of(url: str) -> str:
    return url.rsplit("/", 1)[1]


def is_stored(storage: Storage, url: str, content: bytes) -> bool:
    """Return whether the upload is complete, has this content, and is the only file."""
    path = storage.upload_path(upload_id_of(url))
    upload = Upload.find(upload_id_of(url))
    is_same = path.read_bytes() == content and upload.length_bytes == len(content)
    return is_same and files_in(storage) == [str(path)] and upload.is_complete

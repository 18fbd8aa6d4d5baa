"""Text responses are compressed; files and media are sent unchanged."""

import gzip

import brotli
import pytest
from flask.testing import FlaskClient

from chromi.db import Job
from tests.support import tus_client
from tests.support.http_forms import FRAGMENT, PAGE
from tests.support.tus_client import TUS

pytestmark = pytest.mark.slow

DECOMPRESS = {"br": brotli.decompress, "gzip": gzip.decompress}
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.mark.parametrize("encoding", DECOMPRESS)
@pytest.mark.parametrize(
    "path", ["/", "/static/css/app.css", "/static/js/pages/studio.js", "/static/vendor/htmx-2.0.11.min.js"]
)
def test_text_is_compressed(client: FlaskClient, path: str, encoding: str) -> None:
    plain = client.get(path, headers=PAGE)
    compressed = client.get(path, headers=PAGE | {"Accept-Encoding": encoding})
    assert compressed.headers["Content-Encoding"] == encoding
    assert DECOMPRESS[encoding](compressed.data) == plain.data
    assert len(compressed.data) < len(plain.data) / 2
    assert int(compressed.headers["Content-Length"]) == len(compressed.data)
    assert "Accept-Encoding" in compressed.headers["Vary"]
    assert compressed.get_etag() == plain.get_etag()
    assert compressed.get_etag()[1] in (True, None), "a strong ETag identifies the bytes"


def test_browser_gets_brotli(client: FlaskClient) -> None:
    assert client.get("/", headers=PAGE | BROWSER).headers["Content-Encoding"] == "br"


@pytest.mark.parametrize("encoding", ["", "identity", "zstd", "nonsense"])
def test_client_without_a_supported_encoding_gets_uncompressed_text(
    client: FlaskClient, encoding: str
) -> None:
    response = client.get("/", headers=PAGE | {"Accept-Encoding": encoding})
    assert "Content-Encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["Vary"]
    assert response.text.startswith("<!doctype html>")


def test_page_fragment_and_json_of_a_job_are_compressed(client: FlaskClient, job: Job) -> None:
    for path, headers in (("", PAGE), ("status", FRAGMENT), ("", {})):
        response = client.get(f"/jobs/{job.id}/{path}", headers=headers | BROWSER)
        assert response.headers["Content-Encoding"] == "br"
        assert response.headers["Cache-Control"] == "no-store"


def test_gif_is_sent_uncompressed(client: FlaskClient, own_url: str, gif: bytes) -> None:
    response = client.get(own_url, headers=BROWSER)
    assert response.data == gif
    assert "Content-Encoding" not in response.headers
    assert int(response.headers["Content-Length"]) == len(gif)
    partial = client.get(own_url, headers=BROWSER | {"Range": "bytes=10-99"})
    assert (partial.status_code, partial.data) == (206, gif[10:100])
    not_modified = client.get(own_url, headers=BROWSER | {"If-None-Match": response.headers["ETag"]})
    assert not_modified.status_code == 304


@pytest.mark.parametrize("name", ["still.jpg", "source.jpg", "first.png", "extension.zip"])
def test_files_in_compressed_formats_are_sent_uncompressed(
    client: FlaskClient, own_url: str, name: str
) -> None:
    response = client.get(f"{own_url}{name}", headers=BROWSER)
    assert response.status_code == 200
    assert "Content-Encoding" not in response.headers


def test_responses_of_resumable_uploads_are_uncompressed(client: FlaskClient) -> None:
    created = tus_client.create(client, 10, **BROWSER)
    assert created.status_code == 201
    assert "Content-Encoding" not in created.headers
    status = client.head(created.location, headers=TUS | BROWSER)
    assert "Content-Encoding" not in status.headers
    assert status.headers["Upload-Offset"] == "0"

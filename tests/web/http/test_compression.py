"""What goes out small, and what must go as it is."""

import gzip

import brotli
import pytest
from flask.testing import FlaskClient

from chromi.db import Job
from tests.support.http_forms import FRAGMENT, PAGE

UNPACK = {"br": brotli.decompress, "gzip": gzip.decompress}
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.mark.parametrize("encoding", UNPACK)
@pytest.mark.parametrize(
    "address", ["/", "/static/app.css", "/static/js/studio.js", "/static/vendor/htmx-2.0.11.min.js"]
)
def test_text_goes_out_small(client: FlaskClient, address: str, encoding: str) -> None:
    plain = client.get(address, headers=PAGE)
    small = client.get(address, headers=PAGE | {"Accept-Encoding": encoding})
    assert small.headers["Content-Encoding"] == encoding
    assert UNPACK[encoding](small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert int(small.headers["Content-Length"]) == len(small.data)
    assert "Accept-Encoding" in small.headers["Vary"]
    assert small.headers.get("ETag") != plain.headers.get("ETag") or "ETag" not in plain.headers


def test_a_browser_gets_brotli(client: FlaskClient) -> None:
    assert client.get("/", headers=PAGE | BROWSER).headers["Content-Encoding"] == "br"


@pytest.mark.parametrize("encoding", ["", "identity", "zstd", "nonsense"])
def test_whoever_takes_nothing_of_it_gets_plain_text(client: FlaskClient, encoding: str) -> None:
    answer = client.get("/", headers=PAGE | {"Accept-Encoding": encoding})
    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert answer.text.startswith("<!doctype html>")


def test_pages_fragments_and_json_of_a_job_go_out_small(client: FlaskClient, job: Job) -> None:
    for address, headers in (("", PAGE), ("status", FRAGMENT), ("", {})):
        answer = client.get(f"/jobs/{job.id}/{address}", headers=headers | BROWSER)
        assert answer.headers["Content-Encoding"] == "br"
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_background_goes_out_as_it_is(client: FlaskClient, own_url: str, gif: bytes) -> None:
    answer = client.get(own_url, headers=BROWSER)
    assert answer.data == gif
    assert "Content-Encoding" not in answer.headers
    assert int(answer.headers["Content-Length"]) == len(gif)
    part = client.get(own_url, headers=BROWSER | {"Range": "bytes=10-99"})
    assert (part.status_code, part.data) == (206, gif[10:100])
    known = client.get(own_url, headers=BROWSER | {"If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304


@pytest.mark.parametrize("name", ["still.jpg", "source.jpg", "first.png", "extension.zip"])
def test_nor_is_anything_else_that_is_small_already(client: FlaskClient, own_url: str, name: str) -> None:
    answer = client.get(f"{own_url}{name}", headers=BROWSER)
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers


def test_answers_to_pieces_of_an_upload_go_out_as_they_are(client: FlaskClient) -> None:
    tus = BROWSER | {"Tus-Resumable": "1.0.0"}
    begun = client.post("/uploads/resumable/", headers=tus | {"Upload-Length": "10"})
    assert begun.status_code == 201
    assert "Content-Encoding" not in begun.headers
    told = client.head(begun.headers["Location"], headers=tus)
    assert "Content-Encoding" not in told.headers
    assert told.headers["Upload-Offset"] == "0"

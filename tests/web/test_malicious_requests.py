"""Malicious ids, paths and text give no access and are escaped in the log and on pages."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, Link
from chromi.db.connection import configure_database
from tests.support.http_forms import PAGE, form
from tests.support.tus_client import CHUNK

pytestmark = pytest.mark.slow

MALICIOUS_TEXT = "<script>alert(1)</script>\n\x1b[31m2026 ERROR forged\u202e\"'&{{7*7}}.mp4"


def test_id_of_one_kind_is_not_accepted_as_another(client: FlaskClient, job: Job, upload: str) -> None:
    link = Link.get(Link.job == job)
    for path in (
        f"/uploads/{job.id}/",
        f"/uploads/{job.id}/video",
        f"/jobs/{upload}/",
        f"/jobs/{link.id}/",
        f"/download/{link.id}/",
        f"/download/{job.id}/",
        f"/uploads/{link.id}/preview",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post(f"/jobs/{upload}/cancel").status_code == 404
    assert client.post(f"/uploads/{job.id}/jobs/").status_code == 404


PATH_PARTS = (
    "..",
    "%2e%2e",
    "..%2f..%2fchromi.db",
    "%2e%2e%2f%2e%2e%2fsecret_key",
    "..%5c..%5csecret_key",
    "%00",
    "a%00.gif",
    "%0a",
    "%ff%fe",
    "a" * 100_000,
    "partial-" + "0" * 32,
    "%EF%BC%8E%EF%BC%8E",
)


@pytest.mark.parametrize(
    "path",
    ["/uploads/{}/", "/uploads/{}/video", "/jobs/{}/", "/download/{}/", "/static/{}", "/static/v-1/{}"],
)
def test_path_traversal_finds_no_file(client: FlaskClient, path: str) -> None:
    for part in PATH_PARTS:
        response = client.get(path.format(part))
        if response.status_code == 308:
            response = client.get(response.location)
        assert response.status_code == 404, part[:100]


def test_control_characters_of_a_request_are_not_logged(
    client: FlaskClient, app: Flask, caplog: pytest.LogCaptureFixture, clip: Path
) -> None:
    @app.get("/broken/<rest>")
    def broken(rest: str) -> str:
        raise RuntimeError(rest)

    caplog.set_level(logging.DEBUG)
    client.get("/broken/a%0a%1b[31m2026%20ERROR%20forged%0d")
    client.post("/uploads/", **form(clip, name=MALICIOUS_TEXT.replace("\n", "%0A")))
    client.post("/uploads/", **form(b"no video", name=MALICIOUS_TEXT.replace("\n", "%0A")))
    assert caplog.records
    for record in caplog.records:
        assert not set(record.getMessage()) & set("\n\r\x1b\u202e"), record.getMessage()


def test_text_of_a_request_is_escaped_in_pages(client: FlaskClient, upload: str) -> None:
    values = {"pad": MALICIOUS_TEXT, "start_time": MALICIOUS_TEXT}
    for path in (f"/uploads/{upload}/", "/"):
        page = client.get(path, query_string=values, headers=PAGE).text
        assert "<script>alert" not in page
        assert "{{7*7}}" not in page or "&lt;script" in page
    page = client.post(f"/uploads/{upload}/jobs/", data=values, headers=PAGE).text
    assert "<script>alert" not in page


@pytest.fixture
def client_with_postgres(settings: Settings, postgres_settings: dict[str, str]) -> Iterator[FlaskClient]:
    app = create_app(replace(settings, **postgres_settings))
    yield app.test_client()
    app.extensions["chromi"].background.shutdown()
    configure_database(settings.instance, "")


def test_nul_character_in_a_path_is_not_found(client_with_postgres: FlaskClient) -> None:
    for method, path in (
        ("GET", "/jobs/%00/"),
        ("GET", "/uploads/%00/"),
        ("GET", "/batches/%00/"),
        ("GET", "/download/%00/"),
        ("POST", "/jobs/%00/cancel"),
        ("POST", "/uploads/a%00/jobs/"),
        ("POST", "/jobs/a/links/%00/extend"),
        ("HEAD", "/uploads/resumable/%00"),
        ("PATCH", "/uploads/resumable/%00"),
        ("DELETE", "/uploads/resumable/%00"),
    ):
        response = client_with_postgres.open(path, method=method, headers=CHUNK | {"Upload-Offset": "0"})
        assert response.status_code == 404, (method, path)


def test_nul_character_in_an_id_of_a_form_is_not_found(client_with_postgres: FlaskClient) -> None:
    response = client_with_postgres.post("/batches/", data={"upload_id": "a\0", "start_time": "0"})
    assert response.status_code == 404

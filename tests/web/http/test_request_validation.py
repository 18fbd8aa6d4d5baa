"""Requests from other sites, to other hosts or with unexpected bodies are rejected."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, Link, database
from chromi.storage import Storage
from tests.support.http_forms import PAGE, files_in, form
from tests.support.tus_client import CHUNK

TRUSTED_HOSTS = ("chromi.example.org", ".example.net")


# -- hosts ---------------------------------------------------------------------------------------------------


@pytest.fixture
def restricted_client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A client of a service that accepts only TRUSTED_HOSTS."""
    app = create_app(Settings(instance=tmp_path / "instance", inline=True, trusted_hosts=TRUSTED_HOSTS))
    yield app.test_client()
    app.extensions["chromi"].background.shutdown()
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("chromi.example.org", 200),
        ("chromi.example.org:8000", 200),
        ("a.example.net", 200),
        ("evil.example.com", 421),
        ("chromi.example.org.evil.example.com", 421),
        ("127.0.0.1:8000", 421),
        ("chromi.example.org@evil.example.com", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("accept", [PAGE, {}], ids=["page", "json"])
def test_only_trusted_hosts_are_accepted(
    restricted_client: FlaskClient, host: str, status: int, accept: dict[str, str]
) -> None:
    response = restricted_client.get("/", headers={"Host": host, **accept})
    assert response.status_code == status
    assert "evil" not in response.text


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/health/", "/health/live", "/health/ready", "/healthz/"])
@pytest.mark.parametrize("host", ["172.19.0.2:8080", ""])
def test_health_checks_accept_any_host(restricted_client: FlaskClient, path: str, host: str) -> None:
    assert restricted_client.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("host", ["a b", "x:99999", ""])
def test_no_link_is_created_for_an_invalid_host(client: FlaskClient, job: Job, host: str) -> None:
    response = client.post(f"/jobs/{job.id}/links/", headers={"Host": host})
    assert response.status_code == 400
    assert not Link.select().where(Link.shared).exists()


@pytest.mark.slow
def test_forwarded_host_and_scheme_are_not_used_in_links(client: FlaskClient, job: Job) -> None:
    forged = {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "https", "Forwarded": "host=evil"}
    url = client.post(f"/jobs/{job.id}/links/", headers=forged).get_json()["url"]
    assert url.startswith("http://localhost/")


# -- other sites ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://other.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "localhost"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_cross_site_post_is_rejected(client: FlaskClient, headers: dict[str, str]) -> None:
    response = client.post("/uploads/", headers=headers)
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "cross_site"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}],
)
def test_same_origin_pages_and_programs_may_post(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/uploads/", headers=headers).status_code == 400


# -- bodies --------------------------------------------------------------------------------------------------


def test_json_body_is_rejected(client: FlaskClient) -> None:
    """It is not ignored, because it could contain options."""
    response = client.post("/convert/", json={"start_time": "5"})
    assert response.status_code == 415
    assert response.get_json()["error"]["code"] == "not_a_form"


def test_chunk_body_is_accepted_only_by_resumable_uploads(client: FlaskClient) -> None:
    response = client.post("/uploads/", data=b"x", content_type=CHUNK["Content-Type"])
    assert (response.status_code, response.get_json()["error"]["code"]) == (415, "not_a_form")


def test_form_with_too_many_fields_is_rejected(client: FlaskClient, storage: Storage) -> None:
    response = client.post("/convert/", **form(b"x", **{f"field{number}": "a" for number in range(2000)}))
    assert response.status_code == 400
    assert "too much data" in response.get_json()["error"]["message"]
    assert files_in(storage) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["start_time", "nonsense"])
def test_field_of_a_megabyte_is_rejected(client: FlaskClient, storage: Storage, name: str) -> None:
    response = client.post("/convert/", **form(b"x", **{name: "1" * 1_000_000}))
    assert response.status_code == 400
    assert files_in(storage) == []


def test_form_with_a_long_boundary_is_rejected(client: FlaskClient) -> None:
    """Python would keep an expression for each of them."""
    for length, code in ((70, "missing_video"), (71, "bad_request")):
        boundary = "x" * length
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n--{boundary}--\r\n'
        content_type = f'multipart/form-data; boundary="{boundary}"'
        response = client.post("/uploads/", data=body, content_type=content_type)
        assert response.get_json()["error"]["code"] == code

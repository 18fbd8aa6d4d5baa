"""Headers on every answer, and nothing changed from another site."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from tests.support.http_forms import FRAGMENT, PAGE


@pytest.mark.parametrize("address", ["/", "/health/", "/static/app.css", "/nowhere"])
def test_every_answer_has_the_headers(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ["/", "/health/", "/static/app.css", "/nowhere", "/download/nonsense/"])
def test_hsts_is_sent_over_https_only(client: FlaskClient, address: str) -> None:
    header = "Strict-Transport-Security"
    assert client.get(address, base_url="https://localhost").headers[header] == "max-age=31536000"
    assert header not in client.get(address).headers
    forged = {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}
    assert header not in client.get(address, headers=forged).headers


def test_hsts_is_sent_when_the_trusted_proxy_says_https(settings: Settings) -> None:
    client = create_app(replace(settings, trusted_proxy="10.0.0.2")).test_client()
    header, base = "Strict-Transport-Security", {"REMOTE_ADDR": "10.0.0.2"}
    assert header in client.get("/", headers={"X-Forwarded-Proto": "https"}, environ_base=base).headers
    assert header not in client.get("/", headers={"X-Forwarded-Proto": "http"}, environ_base=base).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "localhost"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_a_post_from_another_site_is_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/uploads/", headers=headers)
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "cross_site"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}],
)
def test_our_own_pages_and_programs_may_post(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/uploads/", headers=headers).status_code == 400


def test_options_in_json_are_refused_not_ignored(client: FlaskClient) -> None:
    answer = client.post("/convert/", json={"start_time": "5"})
    assert answer.status_code == 415
    assert answer.get_json()["error"]["code"] == "not_a_form"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("TEXT/HTML", True),
        ("*/*", False),
        ("application/json, text/html;q=0.1", False),
        ("text/html;q=0", False),
        ("", False),
    ],
)
def test_pages_are_for_who_prefers_them(client: FlaskClient, accept: str, is_page: bool) -> None:
    answer = client.get("/nowhere", headers={"Accept": accept})
    assert answer.mimetype == ("text/html" if is_page else "application/json")


def test_errors_come_in_the_shape_asked_for(client: FlaskClient) -> None:
    assert client.get("/nowhere").get_json()["error"]["code"] == "not_found"
    assert "<!doctype html>" in client.get("/nowhere", headers=PAGE).text
    assert client.get("/nowhere", headers=FRAGMENT).text.lstrip().startswith("<div")


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.post("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.get_json()["error"]["code"] == "method_not_allowed"


def test_doubled_slashes_lead_to_the_right_address(client: FlaskClient) -> None:
    answer = client.get("//health//")
    assert answer.status_code == 308
    assert answer.location.endswith("/health/")


def test_an_unforeseen_error_shows_nothing_of_itself(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert answer.get_json()["error"]["code"] == "internal_error"
    assert "secret detail" not in answer.text

"""Errors become responses in the negotiated format, without internal details."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.http_forms import FRAGMENT, PAGE

pytestmark = pytest.mark.slow


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
def test_accept_header_selects_page_or_json(client: FlaskClient, accept: str, is_page: bool) -> None:
    response = client.get("/nowhere", headers={"Accept": accept})
    assert response.mimetype == ("text/html" if is_page else "application/json")


def test_error_is_json_page_or_fragment(client: FlaskClient) -> None:
    assert client.get("/nowhere").get_json()["error"]["code"] == "not_found"
    assert "<!doctype html>" in client.get("/nowhere", headers=PAGE).text
    assert client.get("/nowhere", headers=FRAGMENT).text.lstrip().startswith("<div")


def test_wrong_method_gets_405_with_allow_header(client: FlaskClient) -> None:
    response = client.post("/")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert response.get_json()["error"]["code"] == "method_not_allowed"


def test_double_slashes_redirect_to_the_normalized_url(client: FlaskClient) -> None:
    response = client.get("//health//")
    assert response.status_code == 308
    assert response.location.endswith("/health/")


def test_unexpected_error_reveals_no_details(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret detail")

    response = app.test_client().get("/broken")
    assert response.status_code == 500
    assert response.get_json()["error"]["code"] == "internal_error"
    assert "secret detail" not in response.text


# -- problem details (RFC 9457) ------------------------------------------------------------------------------

PROBLEM = {"Accept": "application/json, application/problem+json"}


def test_error_is_problem_details_for_clients_that_name_them(client: FlaskClient) -> None:
    response = client.get("/jobs/none/", headers=PROBLEM)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    problem = response.get_json()
    message = problem["error"]["message"]
    assert problem == {
        "type": "/openapi.yaml#not_found",
        "title": "Not Found",
        "status": 404,
        "detail": message,
        "error": {"code": "not_found", "message": message},
    }


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("application/problem+json", "application/problem+json"),
        ("application/problem+json, text/html;q=0.5", "application/problem+json"),
        ("text/html, application/problem+json;q=0.5", "text/html"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("application/json, application/problem+json;q=0", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_only_clients_that_name_problem_details_get_them(
    client: FlaskClient, accept: str, mimetype: str
) -> None:
    assert client.get("/nowhere", headers={"Accept": accept}).mimetype == mimetype


def test_problem_details_are_translated_and_keep_headers(client: FlaskClient) -> None:
    response = client.post("/", headers=PROBLEM | {"Accept-Language": "de"})
    assert (response.status_code, response.headers["Content-Language"]) == (405, "de")
    assert "GET" in response.headers["Allow"]
    assert response.get_json()["detail"] == "Diese URL unterstützt diese Methode nicht."


def test_success_is_plain_json_for_clients_that_name_problem_details(client: FlaskClient) -> None:
    assert client.get("/health/", headers=PROBLEM).mimetype == "application/json"

"""Scripts of the origins in CHROMI_CORS_ORIGINS may call the API; forms of other sites may not."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.config import Settings
from chromi.errors import ConfigError
from tests.support.http_forms import form
from tests.support.tus_client import CREATION_URL, TUS

APP = "https://app.example.org"
SCRIPT = {"Origin": APP, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
FORM = SCRIPT | {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


@pytest.fixture
def origins() -> tuple[str, ...]:
    return (APP, "http://localhost:3000")


@pytest.fixture
def settings(settings: Settings, origins: tuple[str, ...]) -> Settings:
    return replace(settings, cors_origins=origins, admin_token="admin-token-of-tests")


def preflight(origin: str, method: str, headers: str = "") -> dict[str, str]:
    names = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
    return dict(zip(names, (origin, method, headers), strict=True))


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/convert/", "POST", "authorization, idempotency-key"),
        (CREATION_URL, "POST", "tus-resumable, upload-length"),
        (f"{CREATION_URL}{'0' * 32}", "PATCH", "content-type, tus-resumable, upload-offset"),
        (f"/jobs/{'0' * 32}/cancel", "POST", "authorization"),
        ("/download/token/", "GET", "range"),
    ],
)
def test_preflight_allows_the_requests_of_the_api(
    client: FlaskClient, path: str, method: str, headers: str
) -> None:
    response = client.options(path, headers=preflight(APP, method, headers))
    assert response.status_code in (200, 204)
    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert method in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"].lower() == headers
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("path", "origin"),
    [("/convert/", "https://other.example"), ("/admin/", APP), ("/health/", APP), ("/", APP)],
)
def test_preflight_of_other_origins_and_paths_allows_nothing(
    client: FlaskClient, path: str, origin: str
) -> None:
    response = client.options(path, headers=preflight(origin, "POST"))
    assert not [name for name in dict(response.headers) if name.startswith("Access-Control")]


def test_script_may_upload_and_read_the_response(client: FlaskClient, plain_clip: Path) -> None:
    response = client.post("/uploads/", **form(plain_clip), headers=SCRIPT)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (201, APP)
    created = client.post(CREATION_URL, headers=SCRIPT | TUS | {"Upload-Length": "9"})
    assert created.status_code == 201
    assert "Location" in created.headers["Access-Control-Expose-Headers"]
    url = response.get_json()["url"]
    assert client.get(url, headers=SCRIPT).headers["Access-Control-Allow-Origin"] == APP


def test_script_may_read_errors_and_when_to_try_again(client: FlaskClient) -> None:
    response = client.get("/jobs/none/", headers=SCRIPT)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (404, APP)
    assert {"Retry-After", "RateLimit"} <= set(response.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/uploads/", FORM),
        ("/uploads/", SCRIPT | {"Origin": "https://other.example"}),
        ("/uploads/", SCRIPT | {"Sec-Fetch-Mode": "no-cors"}),
        ("/uploads/", {"Origin": APP}),
        ("/admin/login", SCRIPT),
    ],
)
def test_other_cross_site_posts_are_rejected(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    assert client.post(path, headers=headers).status_code == 403


@pytest.mark.parametrize("origins", [("*",)])
def test_asterisk_allows_scripts_of_all_origins_but_no_forms(client: FlaskClient) -> None:
    script = SCRIPT | {"Origin": "https://other.example"}
    response = client.post("/uploads/", headers=script)
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (400, "*")
    assert client.post("/uploads/", headers=FORM).status_code == 403


@pytest.mark.parametrize("origins", [()])
def test_no_script_is_allowed_by_default(client: FlaskClient) -> None:
    response = client.post("/uploads/", headers=SCRIPT)
    assert response.status_code == 403
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "text", ["app.example.org", f"{APP}/", "https://*.example.org", "null", "ftp://a.org"]
)
def test_value_that_is_not_an_origin_prevents_startup(text: str) -> None:
    with pytest.raises(ConfigError, match="CHROMI_CORS_ORIGINS must list origins such as https://"):
        Settings.from_environ({"CHROMI_CORS_ORIGINS": text})

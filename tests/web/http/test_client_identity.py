"""API tokens identify known clients, whose limits count per token."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.config import Settings
from chromi.db import Job, Upload
from chromi.errors import ConfigError
from chromi.web.http.request_errors import WrongApiToken
from chromi.web.limits.upload_guard import UploadGuard
from tests.support.tus_client import create
from tests.web.limits.test_upload_guard import whole_upload

pytestmark = pytest.mark.slow

ONE, OTHER = "first-token-of-tests", "other-token-of-tests"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, api_tokens=(ONE, OTHER), uploads_per_hour=1, admin_token="admin-token-of-tests")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_limits_count_per_token_and_not_per_address(client: FlaskClient) -> None:
    assert create(client, 1000, "8.8.8.8", **bearer(ONE)).status_code == 201
    assert create(client, 1000, "9.9.9.9", **bearer(ONE)).status_code == 429
    assert create(client, 1000, "8.8.8.8", **bearer(OTHER)).status_code == 201
    assert create(client, 1000, "8.8.8.8").status_code == 201
    assert len({upload.client for upload in Upload.select()}) == 3


def test_token_limits_clients_on_private_networks_too(client: FlaskClient) -> None:
    assert create(client, 1000, "127.0.0.1", **bearer(ONE)).status_code == 201
    assert create(client, 1000, "127.0.0.1", **bearer(ONE)).status_code == 429
    assert create(client, 1000, "127.0.0.1").status_code == 201


def test_job_belongs_to_its_token(client: FlaskClient, app: Flask, upload: str) -> None:
    job_id = client.post(f"/uploads/{upload}/loops/", headers=bearer(ONE)).get_json()["job_id"]
    name = app.extensions["chromi"].admission.client_of(None, ONE)
    assert Job.find(job_id).client == name
    assert ONE not in name


@pytest.mark.parametrize("token", ["wrong-token-of-tests", "", ONE[:-1], f"{ONE},{OTHER}", "ü"])
def test_wrong_token_gets_401_with_challenge(client: FlaskClient, token: str) -> None:
    response = client.post("/convert/", headers=bearer(token))
    assert (response.status_code, response.get_json()["error"]["code"]) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(("path", "status"), [("/uploads/", 400), ("/admin/", 401)])
def test_malformed_credentials_are_none(client: FlaskClient, path: str, status: int) -> None:
    headers = {"Authorization": "Basic ü"}
    response = client.post(path, headers=headers) if status == 400 else client.get(path, headers=headers)
    assert response.status_code == status


def test_wrong_token_is_rejected_before_the_body(app: Flask, settings: Settings) -> None:
    guard = UploadGuard(settings, app.extensions["chromi"].admission)
    request = whole_upload()
    request.headers["AUTHORIZATION"] = "Bearer wrong-token-of-tests"
    with pytest.raises(WrongApiToken):
        guard.check_headers(request, "8.8.8.8")
    request.headers["AUTHORIZATION"] = f"Bearer {ONE}"
    guard.check_headers(request, "8.8.8.8")


def test_admin_token_and_other_credentials_are_not_api_tokens(client: FlaskClient) -> None:
    assert client.get("/health/", headers=bearer("admin-token-of-tests")).get_json()["version"]
    assert client.get("/admin/", headers=bearer("admin-token-of-tests")).status_code == 200
    basic = {"Authorization": "Basic dTpw"}  # of a proxy
    assert create(client, 1000, **basic).status_code == 201


def test_tokens_are_ignored_unless_configured(client: FlaskClient, app: Flask) -> None:
    admission = app.extensions["chromi"].admission
    without_tokens = replace(admission, settings=replace(admission.settings, api_tokens=()))
    app.extensions["chromi"] = replace(app.extensions["chromi"], admission=without_tokens)
    assert create(client, 1000, "8.8.8.8", **bearer("anything")).status_code == 201
    assert create(client, 1000, "8.8.8.8", **bearer("anything else")).status_code == 429


def test_short_token_prevents_startup_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="CHROMI_API_TOKENS must have at least 16") as raised:
        Settings.from_environ({"CHROMI_API_TOKENS": f"{ONE}, hunter2"})
    assert "hunter2" not in str(raised.value)
    assert ONE not in repr(Settings(api_tokens=(ONE,)))

"""/admin/ requires the admin token; it shows all jobs, and can retry and cancel them."""

import base64
import re
import time
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi import create_app
from chromi.config import QUEUES, Settings
from chromi.db import CleanupLease, Job, RateLimitUsage, State, Upload, Worker, database
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import NoFrames
from chromi.errors import ConfigError
from chromi.tokens import ADMIN_SESSION_MAX_AGE_S
from chromi.web.auth import admin_token
from tests.support.http_forms import PAGE

pytestmark = pytest.mark.slow

TOKEN = "the-admin-token-é-of-tests"
ENDPOINTS = [("GET", "/admin/"), ("POST", "/admin/login"), ("POST", "/admin/logout")]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, admin_token=TOKEN, inline=False)


def log_in(client: FlaskClient, token: str) -> TestResponse:
    return client.post("/admin/login", data={"token": token}, headers=PAGE)


@pytest.fixture
def admin(client: FlaskClient) -> FlaskClient:
    """A logged-in client."""
    assert log_in(client, TOKEN).status_code == 303
    return client


def create_failed_job(upload: Upload | None = None) -> Job:
    job = Job.claim(
        Job.create(upload=upload, options_json=ConversionOptions(duration_s=2.0).to_dict()).id, "worker-1"
    )
    assert job
    assert job.fail(NoFrames())
    return job


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_admin_pages_do_not_exist_without_a_configured_token(
    settings: Settings, method: str, path: str
) -> None:
    app: Flask = create_app(replace(settings, admin_token=""))
    assert app.test_client().open(path, method=method).status_code == 404
    app.extensions["chromi"].background.shutdown()
    database.close()


def test_short_token_is_rejected_at_start_and_not_shown() -> None:
    with pytest.raises(ConfigError, match="CHROMI_OPS_TOKEN") as caught:
        Settings.from_environ({"CHROMI_OPS_TOKEN": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert TOKEN not in repr(Settings(admin_token=TOKEN))


# -- login ---------------------------------------------------------------------------------------------------


def test_anonymous_client_sees_only_the_login_form(client: FlaskClient) -> None:
    job = create_failed_job()
    page = client.get("/admin/", headers=PAGE)
    assert page.status_code == 401
    assert 'name="token"' in page.text
    assert job.id[:8] not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert client.get("/admin/").get_json()["error"]["code"] == "token_needed"


def test_address_of_the_login_can_be_opened(client: FlaskClient) -> None:
    assert 'name="token"' in client.get("/admin/login", headers=PAGE).text
    log_in(client, TOKEN)
    assert client.get("/admin/login", headers=PAGE).location == "/admin/"


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_anonymous_client_cannot_change_jobs(client: FlaskClient, action: str) -> None:
    job = Job.create(options_json={})
    assert client.post(f"/admin/jobs/{job.id}/{action}").status_code == 401
    assert Job.find(job.id).state == State.QUEUED
    assert Job.select().count() == 1


def test_login_sets_httponly_samesite_strict_cookie(client: FlaskClient) -> None:
    response = log_in(client, TOKEN)
    assert response.status_code == 303
    assert response.location == "/admin/"
    cookie = response.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/admin"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert client.get("/admin/", headers=PAGE).status_code == 200


def test_cookie_is_secure_over_https(client: FlaskClient) -> None:
    response = client.post("/admin/login", data={"token": TOKEN}, base_url="https://localhost")
    assert "; Secure" in response.headers["Set-Cookie"]


@pytest.mark.parametrize("kind", ["Bearer", "Basic"])
def test_authorization_header_gives_access(app: Flask, settings: Settings, kind: str) -> None:
    token = "ascii-admin-token-of-tests"
    app.extensions["chromi"] = replace(
        app.extensions["chromi"], settings=replace(settings, admin_token=token)
    )
    credentials = token if kind == "Bearer" else base64.b64encode(f"admin:{token}".encode()).decode()
    client = app.test_client()
    assert client.get("/admin/", headers={"Authorization": f"{kind} {credentials}"}).status_code == 200
    wrong = client.get("/admin/", headers={"Authorization": f"{kind} {credentials}x"})
    assert wrong.status_code in (401, 403)
    assert client.get(f"/admin/?token={token}").status_code == 401, "a token in a URL would be logged"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN} ", "é" * 400])
def test_wrong_token_is_rejected(client: FlaskClient, token: str) -> None:
    response = log_in(client, token)
    assert response.status_code == 403
    assert "This token is wrong." in response.text
    assert "Set-Cookie" not in response.headers
    assert client.get("/admin/").status_code == 401


def test_wrong_tokens_are_limited_per_network(client: FlaskClient) -> None:
    responses = [log_in(client, "wrong") for _ in range(11)]
    assert [response.status_code for response in responses] == [403] * 10 + [429]
    assert 50 < int(responses[-1].headers["Retry-After"]) <= 60
    neighbors = [{"REMOTE_ADDR": f"2001:4860:0:{number}::1"} for number in range(11)]
    responses = [client.post("/admin/login", data={"token": "no"}, environ_base=each) for each in neighbors]
    assert [response.status_code for response in responses] == [403] * 10 + [429], "a /48 is one network"
    RateLimitUsage.update(free_at=RateLimitUsage.free_at - 61).execute()
    assert [log_in(client, "wrong").status_code for _ in range(2)] == [403, 429]


def test_correct_token_is_accepted_after_too_many_wrong_ones(client: FlaskClient) -> None:
    for _ in range(11):
        log_in(client, "wrong")
    assert log_in(client, TOKEN).status_code == 303
    assert log_in(client, "wrong").status_code == 429, "a valid login does not reset the count"


def test_cookie_is_valid_for_its_token_and_a_limited_time(
    app: Flask, admin: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = app.extensions["chromi"]
    app.extensions["chromi"] = replace(
        services, settings=replace(settings, admin_token="another-admin-token")
    )
    assert admin.get("/admin/").status_code == 401
    app.extensions["chromi"] = services
    assert admin.get("/admin/").status_code == 200
    later = time.time() + ADMIN_SESSION_MAX_AGE_S + 2
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert admin.get("/admin/").status_code == 401


def test_link_grant_is_not_accepted_as_an_admin_session(app: Flask, client: FlaskClient) -> None:
    signer = app.extensions["chromi"].signer
    with app.test_request_context():
        fingerprint = admin_token._fingerprint()
    client.set_cookie(admin_token.COOKIE, signer.sign_grant(fingerprint), path="/admin")
    assert client.get("/admin/").status_code == 401


def test_logout_ends_the_session(admin: FlaskClient) -> None:
    admin.post("/admin/logout")
    assert admin.get("/admin/").status_code == 401


def test_cross_site_request_is_rejected(admin: FlaskClient) -> None:
    job = Job.create(options_json={})
    response = admin.post(f"/admin/jobs/{job.id}/cancel", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert Job.find(job.id).state == State.QUEUED


# -- jobs ----------------------------------------------------------------------------------------------------


def text_of(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_page_shows_queued_running_and_failed_jobs(admin: FlaskClient, upload: str) -> None:
    Worker.record_heartbeat("machine:77", QUEUES)
    CleanupLease.acquire("machine:77")
    failed = create_failed_job(Upload.find(upload))
    waiting = Job.create(options_json={})
    running = Job.claim(Job.create(options_json={}).id, "machine:77")
    assert running
    page = admin.get("/admin/", headers=PAGE)
    text = text_of(page)
    assert "Service healthy" in text
    assert NoFrames.user_message in page.text.replace("&#39;", "'")
    assert "no_frames" in text
    assert "machine:77" in text
    for job in (failed, waiting, running):
        assert job.id[:8] in text
    assert f"/admin/jobs/{failed.id}/retry" in page.text
    assert f"/admin/jobs/{failed.id}/cancel" not in page.text
    for job in (waiting, running):
        assert f"/admin/jobs/{job.id}/cancel" in page.text


def test_page_shows_unhealthy_parts(admin: FlaskClient) -> None:
    text = text_of(admin.get("/admin/", headers=PAGE))
    assert "Service unhealthy" in text
    assert "No worker is alive" in text


def test_page_is_english_for_every_browser(admin: FlaskClient) -> None:
    page = admin.get("/admin/", headers={**PAGE, "Accept-Language": "ja"})
    assert '<html lang="en">' in page.text
    assert page.headers["Content-Language"] == "en"
    assert "年" not in page.text


def test_failed_job_is_retried_as_a_new_job(admin: FlaskClient, upload: str) -> None:
    job = create_failed_job(Upload.find(upload))
    response = admin.post(f"/admin/jobs/{job.id}/retry", headers=PAGE)
    assert (response.status_code, response.location) == (303, "/admin/")
    [new] = Job.select().where(Job.state == State.QUEUED)
    assert (new.upload_id, new.options, new.kind) == (upload, job.options, job.kind)
    assert Job.find(job.id).state == State.FAILED


def test_failed_job_without_upload_cannot_be_retried(admin: FlaskClient) -> None:
    job = create_failed_job()
    assert "Clip deleted" in text_of(admin.get("/admin/", headers=PAGE))
    assert admin.post(f"/admin/jobs/{job.id}/retry", headers=PAGE).status_code == 404


@pytest.mark.parametrize("state", [State.QUEUED, State.IN_PROGRESS])
def test_queued_or_running_job_is_cancelled_once(admin: FlaskClient, state: State) -> None:
    job = Job.create(options_json={}, state=state)
    assert admin.post(f"/admin/jobs/{job.id}/cancel").status_code == 303
    assert Job.find(job.id).state == State.CANCELLED
    assert admin.post(f"/admin/jobs/{job.id}/cancel").status_code == 409


def test_unknown_job_is_not_found(admin: FlaskClient) -> None:
    assert admin.post(f"/admin/jobs/{'0' * 32}/cancel").status_code == 404
    assert admin.post(f"/admin/jobs/{'0' * 32}/retry").status_code == 404

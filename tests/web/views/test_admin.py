"""/admin/ is there for whoever has the host's token, and for nobody else."""

import base64
import re
import time
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, RateLimitUsage, State, Upload, Worker, database
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import NoFrames
from chromi.errors import ConfigError
from chromi.tokens import ADMIN_SESSION_MAX_AGE_S
from chromi.web.limits import admin_token
from tests.support.http_forms import PAGE

TOKEN = "a-token-of-the-host-é"
ADDRESSES = [("GET", "/admin/"), ("POST", "/admin/login"), ("POST", "/admin/logout")]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, admin_token=TOKEN, inline=False)


def knock(client: FlaskClient, token: str) -> TestResponse:
    return client.post("/admin/login", data={"token": token}, headers=PAGE)


@pytest.fixture
def host(client: FlaskClient) -> FlaskClient:
    """A browser that is signed in."""
    assert knock(client, TOKEN).status_code == 303
    return client


def failed(upload: Upload | None = None) -> Job:
    job = Job.claim(
        Job.create(upload=upload, options_json=ConversionOptions(duration_s=2.0).to_dict()).id, "worker-1"
    )
    assert job
    assert job.fail(NoFrames())
    return job


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_without_a_token_in_the_settings_there_is_no_such_page(
    settings: Settings, method: str, address: str
) -> None:
    app: Flask = create_app(replace(settings, admin_token=""))
    assert app.test_client().open(address, method=method).status_code == 404
    app.extensions["chromi"].background.shutdown()
    database.close()


def test_a_short_token_stops_the_start_without_being_repeated() -> None:
    with pytest.raises(ConfigError, match="CHROMI_OPS_TOKEN") as caught:
        Settings.from_environ({"CHROMI_OPS_TOKEN": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert TOKEN not in repr(Settings(admin_token=TOKEN))


# -- who is let in -------------------------------------------------------------------------------------------


def test_a_stranger_sees_a_door_and_nothing_else(client: FlaskClient) -> None:
    job = failed()
    page = client.get("/admin/", headers=PAGE)
    assert page.status_code == 401
    assert 'name="token"' in page.text
    assert job.id[:8] not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert client.get("/admin/").get_json()["error"]["code"] == "token_needed"


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_a_stranger_changes_nothing(client: FlaskClient, action: str) -> None:
    job = Job.create(options_json={})
    assert client.post(f"/admin/jobs/{job.id}/{action}").status_code == 401
    assert Job.find(job.id).state == State.QUEUED
    assert Job.select().count() == 1


def test_the_token_opens_and_becomes_a_cookie_that_no_script_and_no_site_can_use(client: FlaskClient) -> None:
    answer = knock(client, TOKEN)
    assert answer.status_code == 303
    assert answer.location == "/admin/"
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/admin"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert client.get("/admin/", headers=PAGE).status_code == 200


def test_over_https_the_cookie_is_for_https_only(client: FlaskClient) -> None:
    answer = client.post("/admin/login", data={"token": TOKEN}, base_url="https://localhost")
    assert "; Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("kind", ["Bearer", "Basic"])
def test_curl_shows_the_token_in_a_header(app: Flask, settings: Settings, kind: str) -> None:
    token = "plain-ascii-token-of-the-host"
    app.extensions["chromi"] = replace(
        app.extensions["chromi"], settings=replace(settings, admin_token=token)
    )
    shown = token if kind == "Bearer" else base64.b64encode(f"host:{token}".encode()).decode()
    client = app.test_client()
    assert client.get("/admin/", headers={"Authorization": f"{kind} {shown}"}).status_code == 200
    assert client.get("/admin/", headers={"Authorization": f"{kind} {shown}x"}).status_code in (401, 403)
    assert client.get(f"/admin/?token={token}").status_code == 401, "never in an address"


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN} ", "é" * 400])
def test_a_wrong_token_is_refused(client: FlaskClient, token: str) -> None:
    answer = knock(client, token)
    assert answer.status_code == 403
    assert "This token is wrong." in answer.text
    assert "Set-Cookie" not in answer.headers
    assert client.get("/admin/").status_code == 401


def test_wrong_tokens_are_few_and_counted_by_network(client: FlaskClient) -> None:
    answers = [knock(client, "wrong") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert 50 < int(answers[-1].headers["Retry-After"]) <= 60
    neighbours = [{"REMOTE_ADDR": f"2001:4860:0:{number}::1"} for number in range(11)]
    wrong = [client.post("/admin/login", data={"token": "no"}, environ_base=each) for each in neighbours]
    assert [answer.status_code for answer in wrong] == [403] * 10 + [429], "a /48 is one network"
    RateLimitUsage.update(free_at=RateLimitUsage.free_at - 61).execute()
    assert [knock(client, "wrong").status_code for _ in range(2)] == [403, 429]


def test_wrong_tokens_do_not_lock_out_the_right_one(client: FlaskClient) -> None:
    for _ in range(11):
        knock(client, "wrong")
    assert knock(client, TOKEN).status_code == 303
    assert knock(client, "wrong").status_code == 429, "the right one excuses no wrong ones"


def test_a_cookie_ends_with_its_token_and_its_time(
    app: Flask, host: FlaskClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = app.extensions["chromi"]
    app.extensions["chromi"] = replace(
        services, settings=replace(settings, admin_token="another-token-of-the-host")
    )
    assert host.get("/admin/").status_code == 401
    app.extensions["chromi"] = services
    assert host.get("/admin/").status_code == 200
    late = time.time() + ADMIN_SESSION_MAX_AGE_S + 2
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: late)
    assert host.get("/admin/").status_code == 401


def test_a_grant_of_a_link_is_no_pass(app: Flask, client: FlaskClient) -> None:
    signer = app.extensions["chromi"].signer
    with app.test_request_context():
        fingerprint = admin_token._fingerprint()
    client.set_cookie(admin_token.COOKIE, signer.sign_grant(fingerprint), path="/admin")
    assert client.get("/admin/").status_code == 401


def test_signing_out_ends_it(host: FlaskClient) -> None:
    host.post("/admin/logout")
    assert host.get("/admin/").status_code == 401


def test_another_site_cannot_use_the_host_s_browser(host: FlaskClient) -> None:
    job = Job.create(options_json={})
    answer = host.post(f"/admin/jobs/{job.id}/cancel", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert Job.find(job.id).state == State.QUEUED


# -- what is seen and done -----------------------------------------------------------------------------------


def words_of(page: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_it_shows_the_queue_what_runs_and_what_failed(host: FlaskClient, upload: str) -> None:
    Worker.record_heartbeat("machine:77")
    wrong = failed(Upload.find(upload))
    waiting = Job.create(options_json={})
    running = Job.claim(Job.create(options_json={}).id, "machine:77")
    assert running
    page = host.get("/admin/", headers=PAGE)
    words = words_of(page)
    assert "All is well" in words
    assert NoFrames.user_message in page.text.replace("&#39;", "'")
    assert "no_frames" in words
    assert "machine:77" in words
    for job in (wrong, waiting, running):
        assert job.id[:8] in words
    assert f"/admin/jobs/{wrong.id}/retry" in page.text
    assert f"/admin/jobs/{wrong.id}/cancel" not in page.text
    for job in (waiting, running):
        assert f"/admin/jobs/{job.id}/cancel" in page.text


def test_it_says_what_is_wrong(host: FlaskClient) -> None:
    words = words_of(host.get("/admin/", headers=PAGE))
    assert "Something is wrong" in words
    assert "No worker is alive" in words


def test_it_speaks_english_to_all_browsers(host: FlaskClient) -> None:
    page = host.get("/admin/", headers={**PAGE, "Accept-Language": "ja"})
    assert '<html lang="en">' in page.text
    assert page.headers["Content-Language"] == "en"
    assert "年" not in page.text


def test_what_failed_is_tried_again_as_a_new_job(host: FlaskClient, upload: str) -> None:
    job = failed(Upload.find(upload))
    answer = host.post(f"/admin/jobs/{job.id}/retry", headers=PAGE)
    assert (answer.status_code, answer.location) == (303, "/admin/")
    [new] = Job.select().where(Job.state == State.QUEUED)
    assert (new.upload_id, new.options, new.kind) == (upload, job.options, job.kind)
    assert Job.find(job.id).state == State.FAILED


def test_without_its_clip_nothing_can_be_tried_again(host: FlaskClient) -> None:
    job = failed()
    assert "Its clip is gone" in words_of(host.get("/admin/", headers=PAGE))
    assert host.post(f"/admin/jobs/{job.id}/retry", headers=PAGE).status_code == 404


@pytest.mark.parametrize("state", [State.QUEUED, State.IN_PROGRESS])
def test_what_waits_or_runs_is_cancelled(host: FlaskClient, state: State) -> None:
    job = Job.create(options_json={}, state=state)
    assert host.post(f"/admin/jobs/{job.id}/cancel").status_code == 303
    assert Job.find(job.id).state == State.CANCELLED
    assert host.post(f"/admin/jobs/{job.id}/cancel").status_code == 409


def test_there_is_no_page_of_a_job_that_never_was(host: FlaskClient) -> None:
    assert host.post(f"/admin/jobs/{'0' * 32}/cancel").status_code == 404
    assert host.post(f"/admin/jobs/{'0' * 32}/retry").status_code == 404

"""/health/ reports the state of each part; only local requests and those with the admin token get details."""

import dataclasses
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import QUEUES, VERSION, Settings
from chromi.db import CleanupLease, Worker, database, database_connection
from chromi.errors import ServiceUnhealthy
from chromi.monitoring import health_checks
from chromi.storage import Storage
from tests.support.failing_writes import failing_writes

pytestmark = pytest.mark.slow

TOKEN = "an-admin-token-of-24-letters"
REMOTE = "8.8.8.8"
PARTS = ("database", "queue", "storage", "worker", "ffmpeg", "gifsicle", "sandbox", "disk", "hosts")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "MIN_FREE_BYTES", 10**18)


@pytest.mark.parametrize("path", ["/health/", "/healthz"])
def test_healthy_service_gets_200(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    body = response.get_json()
    assert (body["status"], body["version"]) == ("ok", VERSION)
    for part in PARTS:
        assert body[part]["ok"] is True, body


@pytest.mark.usefixtures("full_disk")
def test_full_disk_gets_503(client: FlaskClient) -> None:
    response = client.get("/health/")
    assert response.status_code == 503
    assert response.get_json()["disk"]["ok"] is False
    assert response.get_json()["database"]["ok"] is True


@pytest.mark.parametrize("missing", QUEUES)
def test_queue_without_a_worker_gets_503(settings: Settings, missing: str) -> None:
    client = create_app(dataclasses.replace(settings, inline=False)).test_client()
    with database_connection():
        Worker.record_heartbeat("worker-1", [queue for queue in QUEUES if queue != missing])
    response = client.get("/health/")
    assert (response.status_code, response.get_json()["worker"]["ok"]) == (503, False)
    assert f"No worker serves the queue “{missing}”" in response.get_json()["worker"]["detail"]


def test_service_without_a_cleanup_gets_503(settings: Settings) -> None:
    client = create_app(dataclasses.replace(settings, inline=False)).test_client()
    with database_connection():
        Worker.record_heartbeat("worker-1", QUEUES)
    response = client.get("/health/")
    assert (response.status_code, response.get_json()["worker"]["ok"]) == (503, False)
    assert "No worker runs the cleanup" in response.get_json()["worker"]["detail"]
    with database_connection():
        CleanupLease.acquire("worker-1")
    assert client.get("/health/").status_code == 200


def test_missing_folder_gets_503(client: FlaskClient, storage: Storage) -> None:
    storage.results.rmdir()
    response = client.get("/health/")
    assert response.status_code == 503
    assert "results is missing" in response.get_json()["storage"]["detail"]


# -- liveness and readiness ----------------------------------------------------------------------------------


def test_live_checks_only_the_web_server(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("it checks something")

    monkeypatch.setattr("chromi.web.views.health.check_service", fail)
    monkeypatch.setattr(database.obj, "connect", fail)
    response = client.get("/health/live")
    assert (response.status_code, response.get_json()) == (200, {"status": "ok"})


def test_ready_names_only_unhealthy_parts(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/health/ready").get_json() == {"status": "ok", "version": VERSION, "wrong": {}}
    monkeypatch.setattr(health_checks, "MIN_FREE_BYTES", 10**18)
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.get_json()["wrong"].keys() == {"disk"}


def test_integrity_of_the_database_is_checked_once_a_minute(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[None] = []
    monkeypatch.setattr(health_checks, "check_integrity", lambda: checks.append(None))
    health_checks._check_integrity_once.cache_clear()
    for now_s in (600.0, 602.0, 659.9, 660.0):
        monkeypatch.setattr("chromi.monitoring.health_checks.time.monotonic", partial(float, now_s))
        assert client.get("/health/ready").status_code == 200
    assert len(checks) == 2


def test_damaged_database_is_checked_each_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[None] = []

    def find_damage() -> None:
        checks.append(None)
        raise ServiceUnhealthy("The database is damaged.")

    monkeypatch.setattr(health_checks, "check_integrity", find_damage)
    health_checks._check_integrity_once.cache_clear()
    for _ in range(2):
        assert client.get("/health/ready").get_json()["wrong"]["database"] == "The database is damaged."
    assert len(checks) == 2


def test_unwritable_database_gets_503(client: FlaskClient) -> None:
    assert client.get("/health/ready").status_code == 200
    health_checks._check_writable_once.cache_clear()
    with failing_writes():
        response = client.get("/health/ready")
    assert response.status_code == 503
    assert "database" in response.get_json()["wrong"]
    assert client.get("/health/ready").status_code == 200


# -- details -------------------------------------------------------------------------------------------------


def client_with(settings: Settings, **changed: Any) -> FlaskClient:
    return create_app(dataclasses.replace(settings, **changed)).test_client()


def gets_details(client: FlaskClient, peer: str, headers: dict[str, str]) -> bool:
    """Return whether both endpoints reveal details; check that they agree and always have the same keys."""
    base = {"REMOTE_ADDR": peer}
    body = client.get("/health/", headers=headers, environ_base=base).get_json()
    assert body.keys() == {"status", "version", *PARTS}
    assert all(body[part].keys() == {"ok", "detail"} and body[part]["ok"] is True for part in PARTS)
    ready = client.get("/health/ready", headers=headers, environ_base=base).get_json()
    assert body["status"] == ready["status"] == "ok"
    assert (ready["version"], ready["wrong"]) == (body["version"], {})
    details = {body["version"], *(body[part]["detail"] for part in PARTS)}
    assert details == {None} or None not in details
    return details != {None}


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("127.0.0.1", {"Host": "127.0.0.1:8000"}),
        ("127.0.0.1", {"Host": "LocalHost:8000"}),
        ("127.8.8.8", {"Host": "localhost"}),
        ("::1", {"Host": "[::1]:8000"}),
        ("::1", {"Host": "[::1]"}),
        ("::ffff:127.0.0.1", {"Host": "localhost"}),
    ],
)
def test_local_request_gets_details(settings: Settings, peer: str, headers: dict[str, str]) -> None:
    for trusted in ("", "127.0.0.1", "*"):
        assert gets_details(client_with(settings, trusted_proxy=trusted), peer, headers)


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (REMOTE, {"Host": "localhost"}),
        ("192.168.1.7", {"Host": "localhost"}),
        ("10.0.0.2", {"Host": "10.0.0.1:8000"}),
        ("", {"Host": "localhost"}),
        # Headers of a proxy on the same machine, trusted or not, and headers that its clients forge.
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": REMOTE}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": f"127.0.0.1, {REMOTE}"}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": ""}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-Proto": "https"}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-Host": "localhost"}),
        ("127.0.0.1", {"Host": "localhost", "X-Real-IP": "127.0.0.1"}),
        ("127.0.0.1", {"Host": "localhost", "Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"Host": "localhost", "Via": "1.1 proxy"}),
        # The public hostname, passed on by a proxy that adds no header, or sent after DNS rebinding.
        ("127.0.0.1", {"Host": "chromi.example.org"}),
        ("127.0.0.1", {"Host": "127.0.0.1.example.org:8000"}),
        ("127.0.0.1", {"Host": ""}),
    ],
)
def test_any_other_request_gets_no_details(settings: Settings, peer: str, headers: dict[str, str]) -> None:
    for trusted in ("", "127.0.0.1", "*"):
        assert not gets_details(client_with(settings, trusted_proxy=trusted), peer, headers)


def test_admin_token_shows_details(settings: Settings) -> None:
    client = client_with(settings, admin_token=TOKEN)
    assert gets_details(client, REMOTE, {"Authorization": f"Bearer {TOKEN}"})


def test_wrong_admin_token_is_rejected_and_counted(settings: Settings) -> None:
    client = client_with(settings, admin_token=TOKEN)
    wrong = {"headers": {"Authorization": "Bearer something else"}, "environ_base": {"REMOTE_ADDR": REMOTE}}
    for path in ("/health/", "/health/ready"):
        response = client.get(path, **wrong)
        assert (response.status_code, response.get_json()["error"]["code"]) == (403, "wrong_token")
    assert client.get("/health/live", **wrong).status_code == 200
    statuses = [client.get("/health/", **wrong).status_code for _ in range(10)]
    assert statuses[-1] == 429, "attempts are not limited as at /admin/"


@pytest.mark.parametrize("token", ["", TOKEN])
def test_password_for_a_proxy_is_ignored(settings: Settings, token: str) -> None:
    basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
    assert not gets_details(client_with(settings, admin_token=token), REMOTE, basic)


def test_no_token_gives_details_if_none_is_configured(settings: Settings) -> None:
    for sent in ("", "x", TOKEN):
        assert not gets_details(client_with(settings), REMOTE, {"Authorization": f"Bearer {sent}"})


@pytest.mark.usefixtures("full_disk")
def test_remote_request_gets_the_name_of_the_unhealthy_part(app: Flask) -> None:
    base = {"REMOTE_ADDR": REMOTE}
    response = app.test_client().get("/health/", environ_base=base)
    assert response.status_code == 503
    body = response.get_json()
    assert (body["status"], body["version"]) == ("unavailable", None)
    assert body["disk"] == {"ok": False, "detail": None}
    ready = app.test_client().get("/health/ready", environ_base=base)
    assert (ready.status_code, ready.get_json()["wrong"]) == (503, {"disk": None})
    assert VERSION not in ready.text

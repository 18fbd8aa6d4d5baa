"""/health/ tells its details to the machine itself and to whoever shows the admin token."""

import dataclasses
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import VERSION, Settings
from chromi.monitoring import health_checks

TOKEN = "an-admin-token-of-24-letters"
STRANGER = "8.8.8.8"
PARTS = ("database", "queue", "worker", "ffmpeg", "gifsicle", "sandbox", "disk", "hosts")


def client_of(settings: Settings, **changed: Any) -> FlaskClient:
    return create_app(dataclasses.replace(settings, **changed)).test_client()


def tells_details(client: FlaskClient, peer: str, headers: dict[str, str]) -> bool:
    """Ask both addresses; they have to agree, and to say that all is well or not in the same shape."""
    base = {"REMOTE_ADDR": peer}
    body = client.get("/health/", headers=headers, environ_base=base).get_json()
    assert body.keys() == {"status", "version", *PARTS}
    assert all(body[part].keys() == {"ok", "detail"} and body[part]["ok"] is True for part in PARTS)
    ready = client.get("/health/ready", headers=headers, environ_base=base).get_json()
    assert body["status"] == ready["status"] == "ok"
    assert (ready["version"], ready["wrong"]) == (body["version"], {})
    told = {body["version"], *(body[part]["detail"] for part in PARTS)}
    assert told == {None} or None not in told
    return told != {None}


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
def test_the_machine_itself_is_told_details(settings: Settings, peer: str, headers: dict[str, str]) -> None:
    for trusted in ("", "127.0.0.1", "*"):
        assert tells_details(client_of(settings, trusted_proxy=trusted), peer, headers)


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (STRANGER, {"Host": "localhost"}),
        ("192.168.1.7", {"Host": "localhost"}),
        ("10.0.0.2", {"Host": "10.0.0.1:8000"}),
        ("", {"Host": "localhost"}),
        # A proxy on the same machine, trusted or not, and what its clients make up.
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": STRANGER}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": f"127.0.0.1, {STRANGER}"}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": ""}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-Proto": "https"}),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-Host": "localhost"}),
        ("127.0.0.1", {"Host": "localhost", "X-Real-IP": "127.0.0.1"}),
        ("127.0.0.1", {"Host": "localhost", "Forwarded": "for=127.0.0.1"}),
        ("127.0.0.1", {"Host": "localhost", "Via": "1.1 proxy"}),
        # A proxy that adds nothing passes the name on that its client asked for; so does DNS rebinding.
        ("127.0.0.1", {"Host": "chromi.example.org"}),
        ("127.0.0.1", {"Host": "127.0.0.1.example.org:8000"}),
        ("127.0.0.1", {"Host": ""}),
    ],
)
def test_everybody_else_is_told_only_what_is_well(
    settings: Settings, peer: str, headers: dict[str, str]
) -> None:
    for trusted in ("", "127.0.0.1", "*"):
        assert not tells_details(client_of(settings, trusted_proxy=trusted), peer, headers)


def test_the_admin_token_opens_the_details(settings: Settings) -> None:
    client = client_of(settings, admin_token=TOKEN)
    assert tells_details(client, STRANGER, {"Authorization": f"Bearer {TOKEN}"})
    wrong = {"headers": {"Authorization": "Bearer something else"}, "environ_base": {"REMOTE_ADDR": STRANGER}}
    for address in ("/health/", "/health/ready"):
        answer = client.get(address, **wrong)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "wrong_token")
    assert client.get("/health/live", **wrong).status_code == 200
    answers = [client.get("/health/", **wrong).status_code for _ in range(10)]
    assert answers[-1] == 429, "guesses are counted as at /admin/"


@pytest.mark.parametrize("token", ["", TOKEN])
def test_the_passwords_of_a_proxy_do_no_harm(settings: Settings, token: str) -> None:
    basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
    assert not tells_details(client_of(settings, admin_token=token), STRANGER, basic)


def test_without_an_admin_token_none_is_right(settings: Settings) -> None:
    for sent in ("", "x", TOKEN):
        assert not tells_details(client_of(settings), STRANGER, {"Authorization": f"Bearer {sent}"})


def test_a_stranger_is_told_which_part_is_not_well(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "MIN_FREE_BYTES", 10**18)
    base = {"REMOTE_ADDR": STRANGER}
    answer = app.test_client().get("/health/", environ_base=base)
    assert answer.status_code == 503
    body = answer.get_json()
    assert (body["status"], body["version"], body["disk"]) == (
        "unavailable",
        None,
        {"ok": False, "detail": None},
    )
    ready = app.test_client().get("/health/ready", environ_base=base)
    assert (ready.status_code, ready.get_json()["wrong"]) == (503, {"disk": None})
    assert VERSION not in ready.text

"""/health/ says what is well and what is not."""

import pytest
from flask.testing import FlaskClient

from chromi.config import VERSION
from chromi.errors import ServiceUnhealthy
from chromi.monitoring import health_checks


@pytest.mark.parametrize("address", ["/health/", "/healthz"])
def test_a_service_with_all_it_needs_is_well(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    body = answer.get_json()
    assert (body["status"], body["version"]) == ("ok", VERSION)
    for name in ("database", "queue", "worker", "ffmpeg", "gifsicle", "sandbox", "disk", "hosts"):
        assert body[name]["ok"] is True, body


def test_too_little_disk_is_unwell(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "MIN_FREE_BYTES", 10**18)
    answer = client.get("/health/")
    assert answer.status_code == 503
    assert answer.get_json()["disk"]["ok"] is False
    assert answer.get_json()["database"]["ok"] is True


# -- for load balancers --------------------------------------------------------------------------------------


def test_live_needs_nothing_but_the_web_server(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("it looks at something")

    monkeypatch.setattr("chromi.web.views.health.check_service", fail)
    monkeypatch.setattr("chromi.db.database.connect", fail)
    answer = client.get("/health/live")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_ready_says_only_what_is_wrong(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/health/ready").get_json() == {"status": "ok", "version": VERSION, "wrong": {}}
    monkeypatch.setattr(health_checks, "MIN_FREE_BYTES", 10**18)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["wrong"].keys() == {"disk"}


def test_asking_often_does_not_read_the_whole_database_each_time(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[None] = []
    monkeypatch.setattr(health_checks, "check_integrity", lambda: looks.append(None))
    monkeypatch.setattr("chromi.monitoring.health_checks.time.monotonic", lambda: clock[0])
    health_checks._check_integrity_once.cache_clear()
    for at in (600.0, 602.0, 659.9, 660.0):
        clock = [at]
        assert client.get("/health/ready").status_code == 200
    assert len(looks) == 2


def test_a_damaged_database_is_looked_at_each_time(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_damage() -> None:
        looks.append(None)
        raise ServiceUnhealthy("The database is damaged.")

    looks: list[None] = []
    monkeypatch.setattr(health_checks, "check_integrity", find_damage)
    health_checks._check_integrity_once.cache_clear()
    for _ in range(2):
        assert client.get("/health/ready").get_json()["wrong"]["database"] == "The database is damaged."
    assert len(looks) == 2

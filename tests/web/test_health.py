"""/health/ says what is well and what is not."""

import pytest
from flask.testing import FlaskClient

from chromi import checks
from chromi.config import VERSION


@pytest.mark.parametrize("address", ["/health/", "/healthz"])
def test_a_service_with_all_it_needs_is_well(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    body = answer.get_json()
    assert (body["status"], body["version"]) == ("ok", VERSION)
    for name in ("database", "queue", "worker", "ffmpeg", "gifsicle", "sandbox", "disk", "hosts"):
        assert body[name]["ok"] is True, body


def test_too_little_disk_is_unwell(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MIN_FREE_BYTES", 10**18)
    answer = client.get("/health/")
    assert answer.status_code == 503
    assert answer.get_json()["disk"]["ok"] is False
    assert answer.get_json()["database"]["ok"] is True

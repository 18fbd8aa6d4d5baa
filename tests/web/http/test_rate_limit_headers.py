"""Requests that use up an hourly quota are told what is left of it."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.config import Settings
from tests.support.http_forms import LAST_FRAMES, PostForm, form
from tests.support.remote_clients import OTHER_REMOTE, REMOTE
from tests.support.tus_client import create

pytestmark = pytest.mark.slow

IPV6 = {"REMOTE_ADDR": "2a00:1450:4001:800::1"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        instance=tmp_path / "instance",
        inline=True,
        max_upload_mb=10,
        uploads_per_hour=2,
        jobs_per_hour=3,
        upload_mb_per_hour=10,
    )


def state_of(response: TestResponse) -> dict[str, tuple[int, int]]:
    """Return what is left of each quota, and the seconds until it is whole again."""
    members = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["RateLimit"])
    return {name: (int(left), int(full_in_s)) for name, left, full_in_s in members}


def about(seconds: int) -> Any:
    """Allow for the seconds that a busy machine takes to answer after it has charged the quota."""
    return pytest.approx(seconds, abs=60)


def test_upload_states_its_policies_and_what_is_left(client: FlaskClient) -> None:
    response = create(client, 4_000_000, "8.8.8.8")
    assert response.headers["RateLimit-Policy"] == (
        '"uploads";q=2;w=3600, "bytes";q=10000000;qu="content-bytes";w=3600'
    )
    state = state_of(response)
    assert state["uploads"] == (1, about(1800))
    assert state["bytes"][0] == pytest.approx(6_000_000, rel=0.01)
    assert state["bytes"][1] == about(1440)


def test_rejected_request_has_nothing_left_beside_retry_after(client: FlaskClient) -> None:
    for _ in range(2):
        assert create(client, 1000, "8.8.8.8").status_code == 201
    response = create(client, 1000, "8.8.8.8")
    assert (response.status_code, int(response.headers["Retry-After"])) == (429, about(1800))
    assert state_of(response)["uploads"] == (0, about(3600))
    assert state_of(create(client, 1000, "9.9.9.9"))["uploads"] == (1, about(1800))


def test_job_states_only_the_quota_of_jobs(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/loops/", environ_base=REMOTE)
    assert state_of(response) == {"jobs": (2, about(1200))}


def test_invalid_upload_states_what_it_was_charged(client: FlaskClient) -> None:
    response = client.post("/convert/", **form(bytes(1_000_000)), environ_base=OTHER_REMOTE)
    assert response.status_code == 415
    assert {name: left for name, (left, _) in state_of(response).items() if name != "bytes"} == {
        "uploads": 1,
        "jobs": 3,
    }
    assert state_of(response)["bytes"][0] < 9_010_000


def test_ipv6_network_that_is_used_up_leaves_nothing(client: FlaskClient) -> None:
    """The /48 may use twice as much as an address, so its third address finds nothing left."""
    for subnet in (1, 2, 3, 4):
        response = create(client, 1000, f"2a00:1450:4001:{subnet:x}00::1")
    assert state_of(response)["uploads"][0] == 0
    assert state_of(client.post("/uploads/", environ_base=IPV6))["uploads"][0] == 0


def test_local_clients_and_other_requests_have_no_quota(client: FlaskClient, convert: PostForm) -> None:
    for response in (convert(**LAST_FRAMES), client.get("/", environ_base=REMOTE)):
        assert "RateLimit" not in response.headers
        assert "RateLimit-Policy" not in response.headers

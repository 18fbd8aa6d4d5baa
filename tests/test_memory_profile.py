"""With CHROMI_TRACEMALLOC, a line is logged after each step of a job that says where memory has grown."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.config import Settings
from chromi.db import Job
from tests.support.http_forms import LAST_FRAMES, form
from tests.support.log_capture import LogLines


@pytest.fixture
def settings(settings: Settings, finished_files: object) -> Iterator[Settings]:
    """Trace allocations, but not the many of imports, which an earlier conversion has made."""
    yield replace(settings, tracemalloc=True)
    tracemalloc.stop()


@pytest.mark.slow
def test_growth_is_logged_after_each_step(client: FlaskClient, plain_clip: Path, log_lines: LogLines) -> None:
    assert client.post("/convert/", **form(plain_clip, **LAST_FRAMES)).status_code == 200
    lines = [line for line in log_lines if "held_bytes" in line]
    steps = [line["step"] for line in lines]
    assert steps == ["reading", "choosing", "encoding", "checking", "after the job"]
    assert {line["job_id"] for line in lines} == {Job.get().id}
    assert any(".py:" in place for line in lines for place in line["grown"])

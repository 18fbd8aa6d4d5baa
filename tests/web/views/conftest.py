"""Fixtures for the tests of views: unfinished uploads, one-time links, and a queue without a worker."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.db import Job
from chromi.jobs.cleanup import CleanupReport, run_cleanup
from tests.support.tus_client import create, send_chunk


@pytest.fixture
def content(clip: Path) -> bytes:
    return clip.read_bytes()


@pytest.fixture
def half_upload(client: FlaskClient, content: bytes) -> str:
    """The URL of a resumable upload whose first half has arrived."""
    url = create(client, len(content)).location
    assert send_chunk(client, url, 0, content[: len(content) // 2]).status_code == 204
    return url


@pytest.fixture
def one_time_url(client: FlaskClient, job: Job) -> str:
    """The URL path of a link with one use."""
    response = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h", "one_time": "on"})
    assert response.status_code == 201
    url: str = response.get_json()["url"]
    return url.removeprefix("http://localhost")


@pytest.fixture
def clean_up(app: Flask) -> Callable[[], CleanupReport]:
    """Runs the cleanup."""
    services = app.extensions["chromi"]
    queue = services.queue
    return lambda: run_cleanup(services.settings, services.storage, queue.sizes, queue.enqueue)


@pytest.fixture
def without_worker(app: Flask) -> None:
    """Run no worker, so that jobs stay queued."""
    services = app.extensions["chromi"]
    queue = replace(services.queue, enqueue=lambda job: None)
    app.extensions["chromi"] = replace(services, queue=queue)

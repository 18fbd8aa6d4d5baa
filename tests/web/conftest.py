"""Fixtures for the tests of the HTTP interface."""

import pytest
from flask.testing import FlaskClient

from chromi.db import Job
from chromi.storage import Storage


@pytest.fixture
def gif(job: Job, storage: Storage) -> bytes:
    """The content of the finished job's GIF."""
    return storage.result_path(job.id).read_bytes()


@pytest.fixture
def own_url(client: FlaskClient, job: Job) -> str:
    """The URL of the link that the finished job's result page uses."""
    url: str = client.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    return url

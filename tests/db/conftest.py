"""An open database for each test, and rows to start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromi.db import Job, database, open_database
from chromi.encoder import ConversionOptions


@pytest.fixture
def open_db(tmp_path: Path) -> Iterator[Path]:
    """Open a new database and return its folder."""
    open_database(tmp_path)
    with database.connection_context():
        yield tmp_path


@pytest.fixture
def job(open_db: Path) -> Job:
    return Job.create(options_json=ConversionOptions(start_s=1.5).to_dict())


@pytest.fixture
def running(job: Job) -> Job:
    claimed = Job.claim(job.id, "worker-1")
    assert claimed
    return claimed

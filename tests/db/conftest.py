"""An open database for each test, and rows to start from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromi.db import Job, database_connection, open_database
from chromi.db.connection import configure_database
from chromi.encoder import ConversionOptions


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def open_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Open a new database and return the instance folder."""
    is_server = request.param == "postgresql"
    open_database(tmp_path, request.getfixturevalue("postgres_url") if is_server else "")
    with database_connection():
        yield tmp_path
    configure_database(tmp_path, "")


@pytest.fixture
def sqlite_db(tmp_path: Path) -> Iterator[Path]:
    """Open a new SQLite database and return its folder."""
    open_database(tmp_path)
    with database_connection():
        yield tmp_path


@pytest.fixture
def job(open_db: Path) -> Job:
    return Job.create(options_json=ConversionOptions(start_s=1.5).to_dict())


@pytest.fixture
def running(job: Job) -> Job:
    claimed = Job.claim(job.id, "worker-1")
    assert claimed
    return claimed

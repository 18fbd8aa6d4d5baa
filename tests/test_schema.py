"""A database that an older version made is opened, and keeps its rows."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chromi.encoder import Recipe
from chromi.models import Job, JobKind, Link, State, database, open_database

EARLIER_SCHEMA = """
PRAGMA journal_mode = wal;
CREATE TABLE upload (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL, used_at REAL NOT NULL,
    bytes INTEGER NOT NULL, info_json JSON NOT NULL, one_shot INTEGER NOT NULL);
CREATE TABLE job (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL, upload_id VARCHAR(255),
    recipe_json JSON NOT NULL, state VARCHAR(255) NOT NULL, step VARCHAR(255) NOT NULL,
    progress REAL NOT NULL, message VARCHAR(255) NOT NULL, error_code VARCHAR(255),
    error_message VARCHAR(255), result_json JSON, worker VARCHAR(255), heartbeat_at REAL,
    attempts INTEGER NOT NULL, started_at REAL, finished_at REAL,
    FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE SET NULL);
CREATE TABLE link (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
    job_id VARCHAR(255) NOT NULL, expires_at REAL NOT NULL, max_uses INTEGER, uses INTEGER NOT NULL,
    delivering INTEGER NOT NULL, sent_bytes INTEGER NOT NULL, shared INTEGER NOT NULL,
    FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE);
INSERT INTO job VALUES
    ('a', 1, NULL, '{"start_s": 1.5, "duration_s": 6.0, "quality": "balanced"}', 'success', '', 1, '',
    NULL, NULL, NULL, NULL, NULL, 1, 2, 3);
INSERT INTO link VALUES ('b', 1, 'a', 9, NULL, 0, 0, 0, 0);
"""
"""As the first version made it, before jobs had a kind and links a password; one conversion with its link."""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The instance folder of that version."""
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as connection:
        connection.executescript(EARLIER_SCHEMA)
    return tmp_path


def test_an_earlier_database_keeps_its_jobs_and_links(earlier: Path) -> None:
    open_database(earlier)
    open_database(earlier)
    with database.connection_context():
        job = Job.find("a")
        assert (job.kind, job.state, job.recipe) == (JobKind.CONVERT, State.SUCCESS, Recipe(start_s=1.5))
        assert [link.id for link in job.links] == ["b"]
        new = Job.create(kind=JobKind.ESTIMATE, recipe_json={})
        assert Job.find(new.id).kind == JobKind.ESTIMATE
        assert Link.select().count() == 1
        link = Link.find("b")
        assert (link.password_hash, link.revoked_at, link.tries, link.tries_since) == (None, None, 0, 0)
        assert link.begin_try()
        assert link.revoke()


def test_server_and_consumer_may_open_it_at_once(earlier: Path) -> None:
    complaints: list[BaseException] = []

    def work() -> None:
        try:
            open_database(earlier)
        except BaseException as error:
            complaints.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert complaints == []

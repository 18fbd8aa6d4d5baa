"""Commits survive power failures, writes wait for locks, and the write-ahead log stays small."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from peewee import OperationalError

from chromi.db import (
    Job,
    State,
    connection,
    database,
    open_database,
    retry_on_lock,
    shrink_wal,
)
from chromi.encoder import Progress
from tests.support.failing_writes import failing_writes


def test_pragmas_make_commits_durable_and_allow_concurrent_reads(sqlite_db: Path) -> None:
    assert database.pragma("journal_mode") == "wal"
    assert database.pragma("synchronous") == 2
    assert database.pragma("foreign_keys") == 1


@pytest.mark.slow
def test_retry_on_lock_waits_for_another_process(sqlite_db: Path) -> None:
    queued = Job.create(options_json={})
    running = Job.claim(queued.id, "worker-1")
    assert running
    database.pragma("busy_timeout", 10)
    other = sqlite3.connect(sqlite_db / "chromi.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError):
        running.report(Progress("encoding", 0.5, ""))
    release = threading.Timer(0.3, other.close)
    release.start()
    assert retry_on_lock(lambda: running.succeed({}))
    assert Job.find(running.id).state == State.SUCCESS
    release.join()


def test_retry_on_lock_gives_up_after_its_timeout() -> None:
    def fail() -> None:
        raise OperationalError("database is locked")

    with pytest.raises(OperationalError):
        retry_on_lock(fail, timeout_s=0)


def test_check_writable_changes_nothing(sqlite_db: Path) -> None:
    dump = list(sqlite3.connect(sqlite_db / "chromi.db").iterdump())
    version = database.pragma("user_version")
    database.check_writable()
    assert list(sqlite3.connect(sqlite_db / "chromi.db").iterdump()) == dump
    assert database.pragma("user_version") == version


def test_check_writable_fails_if_nothing_can_be_written(sqlite_db: Path) -> None:
    with failing_writes(), pytest.raises(sqlite3.OperationalError):
        database.check_writable()
    database.check_writable()


def test_check_writable_does_not_wait_for_another_writer(sqlite_db: Path) -> None:
    with closing(sqlite3.connect(sqlite_db / "chromi.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started_at = time.monotonic()
        database.check_writable()
        assert time.monotonic() - started_at < 5


@pytest.mark.slow
def test_large_write_ahead_log_is_truncated_once_no_reader_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_WAL_BYTES", 100_000)
    open_database(tmp_path)
    path, wal = tmp_path / "chromi.db", tmp_path / "chromi.db-wal"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, database.connection_context():
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM job").fetchone()
        for _ in range(3):
            Job.create(options_json={"filler": "x" * 50_000})
        size_bytes = wal.stat().st_size
        assert size_bytes > 100_000
        assert shrink_wal(path)
        assert wal.stat().st_size == size_bytes, "a reader still needs it"
        reader.execute("COMMIT")
        assert shrink_wal(path)
        assert wal.stat().st_size == 0
        assert not shrink_wal(path)
        assert Job.select().count() == 3

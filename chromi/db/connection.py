"""The SQLite connection: open the database and wait for locks."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from peewee import OperationalError, SqliteDatabase

logger = logging.getLogger(__name__)

database = SqliteDatabase(None)

LOCK_TIMEOUT_S = 5
RETRY_TIMEOUT_S = 20.0
"""How long to retry a write that must not be lost. Shorter than a lease, but enough to free disk space."""
RETRY_INTERVAL_S = 0.5
MAX_WAL_BYTES = 16_000_000
"""SQLite reuses its write-ahead log from the start when nobody is reading it, but never shrinks the file."""

T = TypeVar("T")


def configure_database(path: Path) -> None:
    """Set the database file. Connections are opened later.

    WAL allows pages to be read while a job writes. With synchronous=FULL, a committed row survives a power
    failure.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    database.init(
        str(path),
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1},
        timeout=LOCK_TIMEOUT_S,
    )


@contextmanager
def keep_connection_open() -> Iterator[None]:
    """Hold one idle connection.

    SQLite deletes the -wal and -shm files with the last connection and creates them for the next one. On a
    full disk, it cannot create them and then cannot even read.
    """
    with closing(sqlite3.connect(database.database)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield


def retry_on_lock(write: Callable[[], T], *, timeout_s: float = RETRY_TIMEOUT_S) -> T:
    """Retry `write` until it succeeds while the database is locked or its disk is full.

    Raises OperationalError after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return write()
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("database write failed, retrying: %s", error)
            time.sleep(RETRY_INTERVAL_S)


def check_writable() -> None:
    """Write a page of the database without changing its content. Raises sqlite3.OperationalError.

    While another connection is writing, this returns at once: that connection shows whether writing works.
    """
    with closing(sqlite3.connect(database.database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA synchronous = NORMAL")  # do not wait until the page is on the disk
            connection.execute("BEGIN IMMEDIATE")
            [(version,)] = connection.execute("PRAGMA user_version").fetchall()
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise


def shrink_wal(path: Path) -> bool:
    """Checkpoint and truncate a database's write-ahead log. Return False if it is smaller than MAX_WAL_BYTES.

    If a reader blocks the checkpoint for a second, the log stays as it is.
    """
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size < MAX_WAL_BYTES:
        return False
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return True

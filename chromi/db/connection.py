"""The connection to the database: SQLite in the instance folder, or PostgreSQL at a URL."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from peewee import DatabaseError, DatabaseProxy, InterfaceError, InternalError, Model, OperationalError

from chromi.db.postgres_database import Postgres
from chromi.db.sqlite_database import Sqlite

logger = logging.getLogger(__name__)

database = DatabaseProxy()
"""The current database, a Sqlite or a Postgres."""
_sqlite = Sqlite(None)
database.initialize(_sqlite)

DATABASE_ERRORS = (DatabaseError, InterfaceError)
"""All errors of a database. InterfaceError, of a connection that was lost, is not a DatabaseError."""
TEMPORARY_ERRORS = (OperationalError, InterfaceError, InternalError)
"""Raised while the database is locked, cannot be reached, is read-only, or its disk is full."""
RETRY_TIMEOUT_S = 20.0
"""How long to retry a write that must not be lost. Shorter than a lease, but enough to free disk space."""
RETRY_INTERVAL_S = 0.5
MAX_WAL_BYTES = 16_000_000
"""SQLite reuses its write-ahead log from the start when nobody is reading it, but never shrinks the file."""

T = TypeVar("T")


def configure_database(instance: Path, url: str) -> None:
    """Select the database at the URL or, if that is empty, in the instance folder. Raises ConfigError."""
    if isinstance(database.obj, Postgres):
        database.close_all()
    if url:
        database.initialize(Postgres.from_url(url))
        return
    instance.mkdir(parents=True, exist_ok=True)
    _sqlite.open_file(str(instance / "chromi.db"))
    database.initialize(_sqlite)


@contextmanager
def database_connection() -> Iterator[None]:
    """Open this thread's connection if it is closed, and close it again even if it was replaced meanwhile."""
    is_outermost = database.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if is_outermost:
            database.close()


def exclusive_transaction(*locked: Model | type[Model]) -> AbstractContextManager[object]:
    """Begin a transaction in which what is read stays true until it is committed.

    Nobody else writes the locked rows meanwhile or, for a model, any row of it. SQLite has a single writer.
    """
    transaction: AbstractContextManager[object] = database.exclusive(*locked)
    return transaction


def retry_on_lock(write: Callable[[], T], *, timeout_s: float = RETRY_TIMEOUT_S) -> T:
    """Retry `write` while it raises TEMPORARY_ERRORS.

    Raises the last error after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return write()
        except (*TEMPORARY_ERRORS, sqlite3.OperationalError) as error:
            if time.monotonic() > deadline or database.in_transaction():
                raise
            logger.warning("database write failed, retrying: %s", error)
            database.drop_broken_connection()
            time.sleep(RETRY_INTERVAL_S)


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

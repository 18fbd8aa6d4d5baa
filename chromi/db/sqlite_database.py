"""The embedded database: SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from peewee import DatabaseError, Model, OperationalError, SqliteDatabase, fn

LOCK_TIMEOUT_S = 5


class Sqlite(SqliteDatabase):
    """SQLite in WAL mode, so that pages can be read while a job writes.

    With synchronous=FULL, a committed row survives a power failure.
    """

    dialect = "sqlite"
    column_types = {"text": "VARCHAR(255)", "real": "REAL", "bool": "INTEGER", "json": "TEXT"}

    def open_file(self, path: str) -> None:
        """Set the file. Connections are opened later."""
        pragmas = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1}
        self.init(path, pragmas=pragmas, timeout=LOCK_TIMEOUT_S)

    @property
    def description(self) -> str:
        return f"The database {self.database}"

    def exclusive(self, *_: Model | type[Model]) -> AbstractContextManager[object]:
        """Begin a transaction during which nobody else writes."""
        transaction: AbstractContextManager[object] = self.atomic("IMMEDIATE")
        return transaction

    def least(self, *values: Any) -> Any:
        return fn.MIN(*values)

    def greatest(self, *values: Any) -> Any:
        return fn.MAX(*values)

    def drop_broken_connection(self) -> None:
        """Do nothing: connections to a file do not break."""

    def read_clock(self) -> float:
        return time.time()

    # -- schema ----------------------------------------------------------------------------------------

    def schema_version(self) -> int:
        return int(self.pragma("user_version"))

    def set_schema_version(self, version: int) -> None:
        self.pragma("user_version", version, permanent=False)

    # -- health ----------------------------------------------------------------------------------------

    def find_damage(self) -> str | None:
        """Check every page. Return what is wrong, or None. Raises OperationalError if locked or full."""
        try:
            answer = self.pragma("quick_check", 1)
        except OperationalError:
            raise
        except DatabaseError as error:
            return str(error)
        return None if answer == "ok" else str(answer)

    def check_writable(self) -> None:
        """Write a page without changing the content. Raises sqlite3.OperationalError.

        While another connection is writing, this returns at once: that one shows whether writing works.
        """
        with closing(sqlite3.connect(self.database, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("PRAGMA synchronous = NORMAL")  # do not wait until the page is on the disk
                connection.execute("BEGIN IMMEDIATE")
                [(version,)] = connection.execute("PRAGMA user_version").fetchall()
                connection.execute(f"PRAGMA user_version = {version}")
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                    raise

    @contextmanager
    def keep_open(self) -> Iterator[None]:
        """Hold one idle connection.

        SQLite deletes the -wal and -shm files with the last connection and creates them for the next one. On
        a full disk, it cannot create them and then cannot even read.
        """
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            yield

"""What all rows share: the database, an id that cannot be guessed, and being found by it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Self, TypeVar

from peewee import CharField, DoubleField, Field, Model, OperationalError, SqliteDatabase

from chromi.client_networks import Network
from chromi.errors import NotFound
from chromi.storage import new_id

logger = logging.getLogger(__name__)
database = SqliteDatabase(None)

PATIENCE_S = 20.0
"""So long a write that must not be lost is tried again: less than a lease, and enough to make room."""
RETRY_S = 0.5

T = TypeVar("T")


@contextmanager
def keep_connection_open() -> Iterator[None]:
    """Keep a connection that does nothing.

    With its last connection SQLite removes the two files beside the database. It then makes them anew for
    every request, and on a full disk it cannot, not even to read.
    """
    with closing(sqlite3.connect(database.database)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield


def retry_on_lock(write: Callable[[], T], *, patience_s: float = PATIENCE_S) -> T:
    """Do a write that must not be lost, again while the database is locked or its disk is full.

    Raises OperationalError when that has gone on for `patience_s` seconds.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return write()
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("not written yet, tried again: %s", error)
            time.sleep(RETRY_S)


def in_network(field: Field, network: Network) -> Any:
    """Match the rows of the clients in a network, by a range that an index on `field` finds."""
    after_dot = "/"
    inside = (field > f"{network.name}.") & (field < f"{network.name}{after_dot}")
    return (field == network.name) | inside


class BaseModel(Model):
    """A row with an id that cannot be guessed."""

    id = CharField(primary_key=True, default=new_id)
    created_at = DoubleField(default=time.time)

    class Meta:
        database = database

    @classmethod
    def find(cls, row_id: str) -> Self:
        """Give the row; raises NotFound."""
        row: Self | None = cls.get_or_none(cls.id == row_id)
        if row is None:
            raise NotFound(cls.missing_message())
        return row

    @classmethod
    def missing_message(cls) -> str:
        """What to say to whoever looks for a row that is not there (any more)."""
        return NotFound.user_message

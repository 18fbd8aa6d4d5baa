"""What all rows share: the database, an id that cannot be guessed, and being found by it."""

from __future__ import annotations

import time
from typing import Self

from peewee import CharField, DoubleField, Model, SqliteDatabase

from chromi.errors import NotFound
from chromi.storage import new_id

database = SqliteDatabase(None)


class Row(Model):
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

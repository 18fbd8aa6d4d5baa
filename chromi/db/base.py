"""The base class of the models, which provides unguessable ids and lookup by id."""

from __future__ import annotations

import time
from typing import Any, Self

from peewee import CharField, DoubleField, Field, Model

from chromi.client_networks import Network
from chromi.db.connection import database
from chromi.errors import NotFound
from chromi.storage import new_id

NUL = "\0"


class BaseModel(Model):
    """A row with an unguessable id. Times are seconds since 1970 in UTC."""

    id = CharField(primary_key=True, default=new_id)
    created_at = DoubleField(default=time.time)

    not_found_error: type[NotFound] = NotFound
    """What `find` raises if the row does not exist or has been deleted."""

    class Meta:
        database = database

    @classmethod
    def find(cls, row_id: str) -> Self:
        """Return the row with this id. Raises NotFound."""
        row: Self | None = None
        if NUL not in row_id:  # PostgreSQL rejects it in texts
            row = cls.get_or_none(cls.id == row_id)
        if row is None:
            raise cls.not_found_error
        return row


def in_network(field: Field, network: Network) -> Any:
    """Match the rows of all clients in a network, using a range that an index on `field` supports."""
    after_dot = "/"
    inside = (field > f"{network.name}.") & (field < f"{network.name}{after_dot}")
    return (field == network.name) | inside

"""Idempotency keys: which resource the first request with a key created."""

from __future__ import annotations

import time
from typing import Self

from peewee import CharField

from chromi.db.base import BaseModel
from chromi.storage import new_id

KEY_TTL_S = 86_400
"""A key can be used for another request after this time."""


class IdempotencyKey(BaseModel):
    """A key that a client has sent. Its id is a hash of the client, the path and the key."""

    body_hash = CharField()
    resource_id = CharField(default=new_id)
    """The id of the job or batch that the request creates. Until that exists, the request is in progress."""

    class Meta:
        table_name = "idempotency_key"

    @classmethod
    def reserve(cls, row_id: str, body_hash: str) -> Self | None:
        """Insert a row and return it, or return None if another request has inserted it before."""
        row = cls(id=row_id, body_hash=body_hash)
        is_inserted = cls.insert(row.__data__).on_conflict_ignore().as_rowcount().execute()
        return row if is_inserted else None

    def release(self) -> None:
        """Allow the key to be used again, unless another request has reserved it in the meantime."""
        condition = (IdempotencyKey.id == self.id) & (IdempotencyKey.resource_id == self.resource_id)
        IdempotencyKey.delete().where(condition).execute()

    @classmethod
    def delete_expired(cls) -> int:
        """Delete the keys that are older than KEY_TTL_S, and return their number."""
        return int(cls.delete().where(cls.created_at < time.time() - KEY_TTL_S).execute())

"""The lease that lets one node at a time run the cleanup."""

from __future__ import annotations

import time

from peewee import CharField, DoubleField

from chromi.db.base import BaseModel

CLEANUP_LEASE_S = 300
"""A node that died during a cleanup blocks the next one for this long. A cleanup takes seconds."""


class CleanupLease(BaseModel):
    """A single row, created with the table."""

    holder = CharField()
    expires_at = DoubleField()

    class Meta:
        table_name = "cleanup_lease"

    @classmethod
    def acquire(cls, holder: str) -> bool:
        """Take the lease, and return False if another holder has it.

        An expiry too far in the future was written before a clock was set back and counts as expired.
        """
        now = time.time()
        is_free = ~cls.expires_at.between(now, now + CLEANUP_LEASE_S) | (cls.holder == holder)
        return bool(cls.update(holder=holder, expires_at=now + CLEANUP_LEASE_S).where(is_free).execute())

    @classmethod
    def release(cls, holder: str) -> int:
        return int(cls.update(expires_at=0).where(cls.holder == holder).execute())

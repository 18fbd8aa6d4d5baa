"""The lease that lets one node at a time run the cleanup."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from peewee import CharField, DoubleField

from chromi.db.base import BaseModel
from chromi.db.clock import MAX_CLOCK_DIFFERENCE_S

CLEANUP_LEASE_S = 300
"""A node that died during a cleanup blocks the next one for this long."""
RENEWAL_INTERVAL_S = 60
MAX_AGE_S = 600
"""The cleanup runs every minute. If it has not run for this long, no machine runs it."""

T = TypeVar("T")


class CleanupLease(BaseModel):
    """A single row, created with the table."""

    holder = CharField()
    expires_at = DoubleField()
    """When the lease expires, or when its last holder released it. 0 if no cleanup has run yet."""

    class Meta:
        table_name = "cleanup_lease"

    @classmethod
    def acquire(cls, holder: str) -> bool:
        """Take the lease, and return False if another holder has it.

        An expiry too far in the future was written before a clock was set back and counts as expired.
        """
        now = time.time()
        is_free = ~cls.expires_at.between(now, _latest_expiry(now)) | (cls.holder == holder)
        return bool(cls.update(holder=holder, expires_at=now + CLEANUP_LEASE_S).where(is_free).execute())

    @classmethod
    def release(cls, holder: str) -> int:
        return int(cls.update(expires_at=time.time()).where(cls.holder == holder).execute())

    @classmethod
    def renew_during(cls, holder: str, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and renew the lease once a minute. Stop early if another holder has taken it."""
        renewed_at = time.monotonic()
        for item in items:
            if time.monotonic() - renewed_at >= RENEWAL_INTERVAL_S:
                if not cls.acquire(holder):
                    return
                renewed_at = time.monotonic()
            yield item

    @classmethod
    def was_held_recently(cls) -> bool:
        """Return whether a cleanup is running or ended within MAX_AGE_S."""
        now = time.time()
        is_recent = cls.expires_at.between(now - MAX_AGE_S, _latest_expiry(now))
        return bool(cls.select().where(is_recent).exists())


def _latest_expiry(now: float) -> float:
    """Return the latest expiry that can have been written by now. The clocks of machines may differ."""
    return now + CLEANUP_LEASE_S + MAX_CLOCK_DIFFERENCE_S

"""What one address may have within an hour, kept through restarts."""

from __future__ import annotations

import time
from typing import Any

from peewee import DoubleField, fn

from chromi.models.rows import Row

HOUR_S = 3600.0


class Allowance(Row):
    """How much of one limit is used up, as the moment when none of it will be.

    The generic cell rate algorithm: an hour's worth may be taken at once, and comes back evenly. One number
    for each limit and address, moved by one conditional statement.
    """

    free_at = DoubleField(index=True)
    """Seconds since 1970; a moment that has passed says that nothing is used up."""

    @classmethod
    def take(cls, key: str, amount: float, per_hour: float) -> bool:
        """Use up `amount` of this key's limit; False when that much is not left. An hour's worth at most."""
        now = time.time()
        then = cls._free_at(now) + amount / per_hour * HOUR_S
        taken = (
            cls.insert(id=key, created_at=now, free_at=now + amount / per_hour * HOUR_S)
            .on_conflict(conflict_target=[cls.id], update={cls.free_at: then}, where=(then <= now + HOUR_S))
            .as_rowcount()
            .execute()
        )
        return bool(taken)

    @classmethod
    def wait_s(cls, key: str, amount: float, per_hour: float) -> float:
        """Seconds until `amount` could be taken; 0 when it can be now."""
        now = time.time()
        found = cls.select(cls._free_at(now)).where(cls.id == key).scalar() or now
        return float(max(0.0, found + amount / per_hour * HOUR_S - now - HOUR_S))

    @classmethod
    def forget_unused(cls) -> int:
        """Remove the rows that say nothing any more."""
        count: int = cls.delete().where(cls.free_at < time.time()).execute()
        return count

    @classmethod
    def _free_at(cls, now: float) -> Any:
        """Within an hour from now, also after the clock was set back."""
        return fn.MIN(fn.MAX(cls.free_at, now), now + HOUR_S)

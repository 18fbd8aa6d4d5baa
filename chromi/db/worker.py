"""Who is there to take jobs."""

from __future__ import annotations

import time

from peewee import DoubleField

from chromi.db.base import BaseModel

WORKER_TIMEOUT_S = 30
"""A worker says every 5 s that it is alive; silent for this long, it counts as dead."""


class Worker(BaseModel):
    """A live consumer process; it says so every few seconds."""

    seen_at = DoubleField(default=time.time)

    @classmethod
    def beat(cls, worker_id: str) -> None:
        now = time.time()
        cls.insert(id=worker_id, created_at=now, seen_at=now).on_conflict(
            conflict_target=[cls.id], update={cls.seen_at: now}
        ).execute()

    @classmethod
    def is_any_alive(cls) -> bool:
        """True when some worker has given a sign of life lately; one in the future is of a clock set back."""
        now = time.time()
        lately = cls.seen_at.between(now - WORKER_TIMEOUT_S, now + WORKER_TIMEOUT_S)
        return bool(cls.select().where(lately).exists())

"""Worker heartbeats."""

from __future__ import annotations

import time

from peewee import DoubleField

from chromi.db.base import BaseModel

HEARTBEAT_INTERVAL_S = 5.0
WORKER_TIMEOUT_S = 30
"""A worker that has sent no heartbeat for this long counts as dead."""


class Worker(BaseModel):
    """A consumer process that sends a heartbeat every HEARTBEAT_INTERVAL_S."""

    seen_at = DoubleField(default=time.time)

    @classmethod
    def record_heartbeat(cls, worker_id: str) -> None:
        now = time.time()
        cls.insert(id=worker_id, created_at=now, seen_at=now).on_conflict(
            conflict_target=[cls.id], update={cls.seen_at: now}
        ).execute()

    @classmethod
    def is_any_alive(cls) -> bool:
        """True if a worker has sent a heartbeat within WORKER_TIMEOUT_S.

        Heartbeats further in the future were written before the clock was set back and do not count.
        """
        now = time.time()
        is_recent = cls.seen_at.between(now - WORKER_TIMEOUT_S, now + WORKER_TIMEOUT_S)
        return bool(cls.select().where(is_recent).exists())

    @classmethod
    def delete_old(cls, max_age_s: float) -> int:
        """Delete workers whose last heartbeat is older than `max_age_s`, and return their number."""
        return int(cls.delete().where(cls.seen_at < time.time() - max_age_s).execute())

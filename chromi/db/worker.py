"""Worker heartbeats."""

from __future__ import annotations

import time
from collections.abc import Iterable

from peewee import CharField, DoubleField

from chromi.db.base import BaseModel

HEARTBEAT_INTERVAL_S = 5.0
WORKER_TIMEOUT_S = 30
"""A worker that has sent no heartbeat for this long counts as dead."""


class Worker(BaseModel):
    """A consumer process that sends a heartbeat every HEARTBEAT_INTERVAL_S."""

    seen_at = DoubleField(default=time.time)
    queues = CharField(default="")
    """Comma-separated names of the queues it serves. Empty before its first heartbeat of this version."""

    @classmethod
    def record_heartbeat(cls, worker_id: str, queues: Iterable[str]) -> None:
        now, names = time.time(), ",".join(queues)
        cls.insert(id=worker_id, created_at=now, seen_at=now, queues=names).on_conflict(
            conflict_target=[cls.id], update={cls.seen_at: now, cls.queues: names}
        ).execute()

    @classmethod
    def is_any_alive(cls, queue: str = "") -> bool:
        """True if a worker, of this queue if one is given, has sent a heartbeat within WORKER_TIMEOUT_S.

        Heartbeats further in the future were written before the clock was set back and do not count.
        """
        now = time.time()
        is_recent = cls.seen_at.between(now - WORKER_TIMEOUT_S, now + WORKER_TIMEOUT_S)
        serves_queue = cls.queues.contains(queue) | (cls.queues == "")
        return bool(cls.select().where(is_recent, serves_queue).exists())

    @classmethod
    def delete_old(cls, max_age_s: float) -> int:
        """Delete workers whose last heartbeat is older than `max_age_s`, and return their number."""
        return int(cls.delete().where(cls.seen_at < time.time() - max_age_s).execute())

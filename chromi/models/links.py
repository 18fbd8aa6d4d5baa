"""Ways to a result, with their end and their uses."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from peewee import BooleanField, DoubleField, ForeignKeyField, IntegerField

from chromi.models.jobs import Job
from chromi.models.rows import Row, database


class Link(Row):
    """A way to a job's result: valid until it expires, or until it has been used `max_uses` times."""

    job = ForeignKeyField(Job, backref="links", on_delete="CASCADE")
    job_id: str
    expires_at = DoubleField(index=True)
    max_uses = IntegerField(null=True)
    uses = IntegerField(default=0)
    delivering = IntegerField(default=0)
    """Downloads under way: each holds a use until it ends, complete or not."""
    sent_bytes = IntegerField(default=0)
    """How far the file has been sent in one piece since the last use: a cut download goes on from here."""
    shared = BooleanField(default=True)
    """False for the link that the result page itself uses."""

    @classmethod
    def live(cls) -> Any:
        """The condition under which a link still needs its file."""
        return (cls.expires_at > time.time()) & (cls.max_uses.is_null() | (cls.uses < cls.max_uses))

    @property
    def one_time(self) -> bool:
        return self.max_uses == 1

    @property
    def is_used_up(self) -> bool:
        return self.max_uses is not None and self.uses >= self.max_uses

    @property
    def is_live(self) -> bool:
        return self.expires_at > time.time() and not self.is_used_up

    @property
    def expiry(self) -> datetime:
        return datetime.fromtimestamp(self.expires_at, UTC)

    def extend_to(self, expires_at: float) -> None:
        """Let it live at least until then."""
        Link.update(expires_at=expires_at).where(Link.id == self.id, Link.expires_at < expires_at).execute()

    def begin_delivery(self) -> bool:
        """Hold one use for a download that starts; False when none is free at this moment."""
        return bool(
            Link.update(delivering=Link.delivering + 1)
            .where(
                Link.id == self.id,
                Link.max_uses.is_null() | (Link.uses + Link.delivering < Link.max_uses),
            )
            .execute()
        )

    def end_delivery(self, start: int, stop: int, size_bytes: int) -> bool:
        """Let go of the use after these bytes were sent; true when they completed the file, which counts."""
        with database.atomic():
            row = Link.get_or_none(Link.id == self.id)
            if row is None:
                return False  # swept meanwhile
            sent_bytes = row.sent_bytes
            reached = max(sent_bytes, stop) if start <= sent_bytes else sent_bytes
            complete = reached >= size_bytes
            Link.update(
                delivering=Link.delivering - 1,
                uses=Link.uses + int(complete),
                sent_bytes=0 if complete else reached,
            ).where(Link.id == self.id, Link.delivering > 0).execute()
        return bool(complete)

    @classmethod
    def forget_deliveries(cls) -> None:
        """At the web server's start no download can be under way."""
        cls.update(delivering=0).where(cls.delivering > 0).execute()

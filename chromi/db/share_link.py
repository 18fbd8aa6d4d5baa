"""Ways to a result, with their end and their uses."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Literal

from peewee import BooleanField, CharField, DoubleField, ForeignKeyField, IntegerField, fn

from chromi.db.base import BaseModel, database
from chromi.db.job import Job

LinkState = Literal["live", "revoked", "expired", "used_up"]


class Link(BaseModel):
    """A way to a job's result: valid until it expires, is revoked, or has been used `max_uses` times."""

    job = ForeignKeyField(Job, backref="links", on_delete="CASCADE")
    job_id: str
    expires_at = DoubleField(index=True)
    max_uses = IntegerField(null=True)
    uses = IntegerField(default=0)
    active_downloads = IntegerField(default=0)
    """Downloads under way: each holds a use until it ends, complete or not."""
    sent_bytes = IntegerField(default=0)
    """How far the file has been sent in one piece since the last use: a cut download goes on from here."""
    shared = BooleanField(default=True)
    """False for the link that the result page itself uses."""
    password_hash = CharField(null=True)
    """None for a link that asks for no password."""
    revoked_at = DoubleField(null=True)
    """The row stays, so that whoever follows the link hears why it has ended."""

    @classmethod
    def live(cls) -> Any:
        """The condition under which a link still needs its file."""
        return (cls.expires_at > time.time()) & cls._usable()

    @classmethod
    def _usable(cls) -> Any:
        """The condition under which more time would let a link work."""
        return cls.revoked_at.is_null() & (cls.max_uses.is_null() | (cls.uses < cls.max_uses))

    @property
    def state(self) -> LinkState:
        if self.revoked_at is not None:
            return "revoked"
        if self.max_uses is not None and self.uses >= self.max_uses:
            return "used_up"
        return "live" if self.expires_at > time.time() else "expired"

    @property
    def is_live(self) -> bool:
        return self.state == "live"

    @property
    def uses_left(self) -> int | None:
        """How many downloads it still gives; None when they are not counted."""
        return None if self.max_uses is None else max(0, self.max_uses - self.uses)

    @property
    def expiry(self) -> datetime:
        return datetime.fromtimestamp(self.expires_at, UTC)

    # -- its end ---------------------------------------------------------------------------------------

    def extend_to(self, expires_at: float) -> None:
        """Let it live at least until then."""
        Link.update(expires_at=expires_at).where(Link.id == self.id, Link.expires_at < expires_at).execute()

    def extend_by(self, seconds: float, latest: float) -> bool:
        """Let it live longer, from its end or from now if that has passed, but never past `latest`.

        False when it lives until then already, is revoked or used up.
        """
        extended = fn.MIN(fn.MAX(Link.expires_at, time.time()) + seconds, latest)
        return bool(
            Link.update(expires_at=extended)
            .where(Link.id == self.id, Link.expires_at < latest, Link._usable())
            .execute()
        )

    def revoke(self) -> bool:
        """End it for good; false when that was done before."""
        return bool(
            Link.update(revoked_at=time.time()).where(Link.id == self.id, Link.revoked_at.is_null()).execute()
        )

    # -- its uses --------------------------------------------------------------------------------------

    def begin_download(self) -> bool:
        """Hold one use for a download that starts; False when none is free at this moment.

        `sent_bytes` is then what it is at this moment: the download before may have ended a moment ago. Where
        uses are not limited nothing is held, so that such a link works while no row can be written.
        """
        if self.max_uses is None:
            return bool(Link.select().where(Link.id == self.id, Link.revoked_at.is_null()).exists())
        is_free = Link.uses + Link.active_downloads < Link.max_uses
        hold = Link.update(active_downloads=Link.active_downloads + 1)
        with database.atomic():
            if not hold.where(Link.id == self.id, Link.revoked_at.is_null(), is_free).execute():
                return False
            self.sent_bytes = Link.find(self.id).sent_bytes
        return True

    def end_download(self, start: int, stop: int, size_bytes: int) -> bool:
        """Let go of the use after these bytes were sent; true when they completed the file, which counts.

        They go on from what had been sent when this download began or since: of two that resume at once,
        each reaches the file's end, and each counts.
        """
        with database.atomic("IMMEDIATE"):  # what is read here must hold until it is written
            row = Link.get_or_none(Link.id == self.id)
            if row is None:
                return False  # swept meanwhile
            goes_on = start <= max(self.sent_bytes, row.sent_bytes)
            complete = goes_on and stop >= size_bytes
            reached = max(row.sent_bytes, stop) if goes_on else row.sent_bytes
            Link.update(
                active_downloads=fn.MAX(Link.active_downloads - 1, 0),
                uses=Link.uses + int(complete),
                sent_bytes=0 if complete else reached,
            ).where(Link.id == self.id).execute()
        return bool(complete)

    @classmethod
    def reset_active_downloads(cls) -> None:
        """At the web server's start no download can be under way."""
        cls.update(active_downloads=0).where(cls.active_downloads > 0).execute()

"""Links to a result, with their expiry and download counts."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from typing import Any, Literal, Self

from peewee import BooleanField, CharField, DoubleField, ForeignKeyField, IntegerField

from chromi.db.base import BaseModel
from chromi.db.connection import database, exclusive_transaction
from chromi.db.download import Download
from chromi.db.job import Job
from chromi.storage import new_id
from chromi.tokens import LINK_CODE_LENGTH

LinkState = Literal["live", "revoked", "expired", "used_up"]

MAX_LINK_AGE_S = 30 * 86400
"""No link can be extended beyond this time after its creation."""

_CODE_HEX_DIGITS = 8
"""The digits of an id that its code is made of. The code leaves out their last two bits."""


class Link(BaseModel):
    """A link to a job's result.

    It is valid until it expires, is revoked or has been used `max_uses` times.
    """

    job = ForeignKeyField(Job, backref="links", on_delete="CASCADE")
    job_id: str
    expires_at = DoubleField(index=True)
    max_uses = IntegerField(null=True)
    uses = IntegerField(default=0)
    downloads: Any
    """Downloads in progress. Each reserves a use until it ends, complete or not."""
    sent_bytes = IntegerField(default=0)
    """Number of bytes from the start sent since the last use. An interrupted download resumes here."""
    shared = BooleanField(default=True)
    """False for the link that the result page uses for itself."""
    password_hash = CharField(null=True)
    """None if the link has no password."""
    _download: Download | None = None
    """The row of the download that this object has begun."""
    revoked_at = DoubleField(null=True)
    """The row of a revoked link is kept so that recipients can be told why it no longer works."""

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """Create a link whose code no other link has."""
        while cls.get_by_code(_code_of(link_id := new_id())):
            pass
        link: Self = super().create(**{"id": link_id, **fields})
        return link

    @classmethod
    def get_by_code(cls, code: str) -> Self | None:
        """Return the link with this code, or None. `code` must be valid, as a token's verified code is."""
        lowest = int.from_bytes(base64.urlsafe_b64decode(f"{code}A=="))
        first, last = (f"{number:0{_CODE_HEX_DIGITS}x}" for number in (lowest, lowest + 3))
        link: Self | None = cls.get_or_none((cls.id >= first) & (cls.id <= f"{last}~"))
        return link

    @property
    def code(self) -> str:
        """The start of the id in base64url, which identifies the link in its token."""
        return _code_of(self.id)

    @classmethod
    def live(cls) -> Any:
        """The condition that a link still needs its file."""
        return (cls.expires_at > time.time()) & cls._has_uses_left()

    @classmethod
    def _has_uses_left(cls) -> Any:
        """The condition that a link would work if it had not expired."""
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
        """Number of downloads left, or None if they are unlimited."""
        return None if self.max_uses is None else max(0, self.max_uses - self.uses)

    @property
    def expiry(self) -> datetime:
        return datetime.fromtimestamp(self.expires_at, UTC)

    # -- expiry ----------------------------------------------------------------------------------------

    def extend_to(self, expires_at: float) -> None:
        """Set the expiry to this time unless it is already later."""
        Link.update(expires_at=expires_at).where(Link.id == self.id, Link.expires_at < expires_at).execute()

    def extend_by(self, seconds: float, latest: float) -> bool:
        """Extend the expiry (or start from now if it has passed), but not beyond `latest`.

        Returns False if the link already lasts until `latest`, is revoked or is used up.
        """
        extended = database.least(database.greatest(Link.expires_at, time.time()) + seconds, latest)
        return bool(
            Link.update(expires_at=extended)
            .where(Link.id == self.id, Link.expires_at < latest, Link._has_uses_left())
            .execute()
        )

    def revoke(self) -> bool:
        """End the link permanently. Return False if it was already revoked."""
        return bool(
            Link.update(revoked_at=time.time()).where(Link.id == self.id, Link.revoked_at.is_null()).execute()
        )

    # -- downloads -------------------------------------------------------------------------------------

    def begin_download(self, node: str = "") -> bool:
        """Reserve a use for a download that a machine is starting. Return False if none is available.

        Also refreshes `sent_bytes`, which another download may just have changed. If uses are unlimited,
        nothing is written, so such a link works even while the database is not writable.
        """
        if self.max_uses is None:
            return bool(Link.select().where(Link.id == self.id, Link.revoked_at.is_null()).exists())
        with exclusive_transaction(self):  # two downloads must not take the same use
            row = Link.get_or_none(Link.id == self.id, Link.revoked_at.is_null())
            if row is None or row.uses + row.active_downloads >= self.max_uses:
                return False
            self._download = Download.create(link=self, node=node)
            self.sent_bytes = row.sent_bytes
        return True

    @property
    def active_downloads(self) -> int:
        """Number of uses reserved by downloads in progress; 0 for a link with unlimited uses."""
        return int(self.downloads.count())

    def end_download(self, start: int, stop: int, size_bytes: int) -> bool:
        """Release the use after bytes `start` to `stop` were sent. Return True if they completed the file.

        A complete file counts as a use. The bytes must continue what had been sent when this download began
        or since then. If two downloads resume at the same time and both reach the end of the file, both
        count. If uses are unlimited and the bytes add nothing, nothing is written.
        """
        if not self._download and not self._adds_bytes(start, stop):
            return False
        with exclusive_transaction(self):  # what is read here must still be true when it is written
            row = Link.get_or_none(Link.id == self.id)
            if row is None:
                return False  # deleted in the meantime
            if self._download:
                self._download.delete_instance()
            is_continuation = self._continues(row, start)
            is_complete = is_continuation and stop >= size_bytes
            sent_bytes = max(row.sent_bytes, stop) if is_continuation else row.sent_bytes
            Link.update(
                uses=Link.uses + int(is_complete),
                sent_bytes=0 if is_complete else sent_bytes,
            ).where(Link.id == self.id).execute()
        return bool(is_complete)

    def _adds_bytes(self, start: int, stop: int) -> bool:
        """Return whether these bytes continue what has been sent. A 304 or a range at the end does not."""
        row = Link.get_or_none(Link.id == self.id) if stop > start else None
        return row is not None and self._continues(row, start) and stop > row.sent_bytes

    def _continues(self, row: Link, start: int) -> bool:
        """Return whether bytes from `start` on continue what was sent, at first or according to `row`."""
        return bool(start <= max(self.sent_bytes, row.sent_bytes))


def _code_of(link_id: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(link_id[:_CODE_HEX_DIGITS])).decode()[:LINK_CODE_LENGTH]

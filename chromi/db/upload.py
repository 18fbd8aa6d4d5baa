"""Clips as they were sent."""

from __future__ import annotations

import logging
import time

from peewee import BooleanField, CharField, DoubleField, IntegerField, JSONField, OperationalError

from chromi.db.base import BaseModel
from chromi.encoder import VideoInfo
from chromi.errors import Conflict
from chromi.i18n import Message

SILENCE_S = 120
"""A phone on a poor line takes a minute for a piece."""
LEAST_BYTES_PER_S = 1000
"""What comes more slowly than this holds no place that another could have."""
logger = logging.getLogger(__name__)

NOTED_EVERY_S = 10
"""Looking at a clip is written down this often at most: a player that seeks asks many times a second."""


class UsedRow(BaseModel):
    """A row that lives as long as it is used."""

    used_at = DoubleField(default=time.time, index=True)

    def touch(self) -> bool:
        """Note that somebody uses it: its time to live starts again. False when it was just removed."""
        kind = type(self)
        return bool(kind.update(used_at=time.time()).where(kind.id == self.id).execute())

    def record_use(self) -> None:
        """As `touch`, for what must not fail because no row can be written for a moment."""
        if abs(time.time() - self.used_at) < NOTED_EVERY_S:
            return
        try:
            self.touch()
        except OperationalError as error:
            logger.warning("the use of a clip is not noted: %s", error)

    @classmethod
    def clamp_future_times(cls) -> int:
        """After the clock was set back: what was used then counts as used now, or it would stay till then."""
        now = time.time()
        return int(cls.update(used_at=now).where(cls.used_at > now).execute())


class PartialUpload(UsedRow):
    """A clip of which not all bytes are here yet; whole, it becomes an Upload with the same id.

    How much is here is the size of its file: that is true after any crash.
    """

    length_bytes = IntegerField()
    client = CharField(null=True)
    """Who sends it, as Job.client."""
    started_at = DoubleField(null=True)
    """When its first byte came; until then it holds no place that another could have."""
    info: None = None
    """What it is cannot be told yet."""

    @classmethod
    def lately_used(cls) -> list[PartialUpload]:
        """Those of which something has come within the last two minutes: the others may never go on."""
        now = time.time()
        lately = cls.used_at.between(now - SILENCE_S, now + SILENCE_S)
        return list(cls.select().where(cls.started_at.is_null(False), lately))

    def note_start(self) -> None:
        """Note that its first byte has come."""
        self.started_at = time.time()
        PartialUpload.update(started_at=self.started_at).where(PartialUpload.id == self.id).execute()

    def keeps_up(self, here_bytes: int) -> bool:
        """True while it is new, or if so many bytes since its first one are 1 kB/s at least."""
        age_s = time.time() - (self.started_at or self.created_at)
        return age_s < SILENCE_S or here_bytes >= age_s * LEAST_BYTES_PER_S

    @classmethod
    def missing_message(cls) -> str:
        return Message(
            "This upload is not here any more: unfinished ones are deleted. Please choose the file again."
        )


class Upload(UsedRow):
    """A clip as it was sent; its file lies in the uploads folder under the same id."""

    bytes = IntegerField()
    client = CharField(null=True, index=True)
    """Who sent it, as Job.client."""
    info_json = JSONField()
    one_shot = BooleanField(default=False)
    """Sent by POST /convert/: nothing can need it once its job is final."""

    @classmethod
    def missing_message(cls) -> str:
        return Message(
            "This clip is not here: clips are deleted soon after their last use. Please upload it again."
        )

    @property
    def info(self) -> VideoInfo:
        return VideoInfo.from_dict(self.info_json)


def find_upload(upload_id: str) -> Upload | PartialUpload:
    """Give an upload, whole or not; raises NotFound.

    The partial one is looked for first: one that is completed in between is then found as a whole.
    """
    partial: PartialUpload | None = PartialUpload.get_or_none(PartialUpload.id == upload_id)
    return partial or Upload.find(upload_id)


def find_whole_upload(upload_id: str) -> Upload:
    """Give an upload of which all bytes are here; raises Conflict while they are coming, else NotFound."""
    upload = find_upload(upload_id)
    if isinstance(upload, PartialUpload):
        raise Conflict(Message("This clip is still being uploaded."))
    return upload

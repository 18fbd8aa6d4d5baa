"""Clips as they were sent."""

from __future__ import annotations

import time

from peewee import BooleanField, DoubleField, IntegerField, JSONField

from chromi.encoder import VideoInfo
from chromi.models.rows import Row


class Upload(Row):
    """A clip as it was sent; its file lies in the uploads folder under the same id."""

    used_at = DoubleField(default=time.time, index=True)
    bytes = IntegerField()
    info_json = JSONField()
    one_shot = BooleanField(default=False)
    """Sent by POST /convert/: nothing can need it once its job is final."""

    @classmethod
    def missing_message(cls) -> str:
        return "This clip is not here: clips are deleted soon after their last use. Please upload it again."

    @property
    def info(self) -> VideoInfo:
        return VideoInfo.from_dict(self.info_json)

    def touch(self) -> bool:
        """Note that somebody uses it: its time to live starts again. False when it was just removed."""
        return bool(Upload.update(used_at=time.time()).where(Upload.id == self.id).execute())

"""Uploaded clips, complete or still arriving."""

from __future__ import annotations

import logging
import time
from typing import Self

from peewee import BooleanField, CharField, DatabaseError, DoubleField, IntegerField, JSONField

from chromi.db.base import BaseModel
from chromi.encoder import VideoInfo
from chromi.errors import ClipNotFound, Conflict
from chromi.i18n import Message

logger = logging.getLogger(__name__)

STALL_TIMEOUT_S = 120
"""A phone on a poor connection needs up to a minute per chunk."""
MIN_BYTES_PER_S = 1000
"""A slower upload does not count as active."""
USE_INTERVAL_S = 10
"""Minimum interval between recorded uses, because a player that seeks sends many requests per second."""


class Upload(BaseModel):
    """A clip. Its file has the same id and grows until it reaches `length_bytes`.

    While the upload is incomplete, the file size shows how much has arrived. This stays true after any crash.
    """

    not_found_error = ClipNotFound

    length_bytes = IntegerField()
    client = CharField(null=True, index=True)
    """The client that sent it; see Job.client."""
    used_at = DoubleField(default=time.time, index=True)
    """When it was last used, or when its last bytes arrived."""
    started_at = DoubleField(null=True)
    """When the first byte of a resumable upload arrived. Until then, the upload takes no slot."""
    info_json = JSONField(null=True)
    """Properties of the video; null until all bytes have arrived and been probed."""
    one_shot = BooleanField(default=False)
    """True for uploads sent by POST /convert/, which are deleted as soon as their job has ended."""

    @classmethod
    def find_complete(cls, upload_id: str) -> Self:
        """Return a complete upload. Raises Conflict while bytes are missing, and NotFound."""
        upload = cls.find(upload_id)
        upload.complete_info()
        return upload

    @property
    def is_complete(self) -> bool:
        return self.info_json is not None

    @property
    def info(self) -> VideoInfo | None:
        """Properties of the video, or None until the upload is complete."""
        return None if self.info_json is None else VideoInfo.from_dict(self.info_json)

    def complete_info(self) -> VideoInfo:
        """Return the video's properties. Raises Conflict while the upload is incomplete."""
        if self.info is None:
            raise Conflict(Message("This video is still being uploaded."))
        return self.info

    # -- incomplete uploads ----------------------------------------------------------------------------

    @classmethod
    def list_active(cls) -> list[Self]:
        """List the incomplete uploads that have received bytes within STALL_TIMEOUT_S."""
        now = time.time()
        is_recent = cls.used_at.between(now - STALL_TIMEOUT_S, now + STALL_TIMEOUT_S)
        return list(cls.select().where(cls.info_json.is_null(), cls.started_at.is_null(False), is_recent))

    def record_start(self) -> None:
        """Record that the first byte has arrived."""
        self.started_at = time.time()
        Upload.update(started_at=self.started_at).where(Upload.id == self.id).execute()

    def is_fast_enough(self, received_bytes: int) -> bool:
        """True during the first STALL_TIMEOUT_S. Later, the average must be at least MIN_BYTES_PER_S."""
        age_s = time.time() - (self.started_at or self.created_at)
        return age_s < STALL_TIMEOUT_S or received_bytes >= age_s * MIN_BYTES_PER_S

    def complete(self, info: VideoInfo) -> bool:
        """Record that all bytes have arrived. Return False if the upload has been deleted."""
        self.info_json = info.to_dict()
        return bool(
            Upload.update(info_json=self.info_json, used_at=time.time()).where(Upload.id == self.id).execute()
        )

    # -- use -------------------------------------------------------------------------------------------

    def touch(self) -> bool:
        """Restart the time to live. Return False if the upload has been deleted."""
        return bool(Upload.update(used_at=time.time()).where(Upload.id == self.id).execute())

    def record_use(self) -> None:
        """Restart the time to live unless the database is not writable. A read must not fail for that."""
        if abs(time.time() - self.used_at) < USE_INTERVAL_S:
            return
        try:
            self.touch()
        except DatabaseError as error:
            logger.warning("could not record the use of an upload: %s", error)

    @classmethod
    def clamp_future_times(cls) -> int:
        """Replace use times in the future, set before the clock was set back, or those uploads would stay."""
        now = time.time()
        return int(cls.update(used_at=now).where(cls.used_at > now).execute())

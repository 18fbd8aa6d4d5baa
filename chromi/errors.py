"""The errors that Chromi raises deliberately, in one class hierarchy.

Each error has a stable code for programs and a message that tells a person what to do. Information that only
a developer can use (ffmpeg's output, a path) goes into `detail`, which is logged and never shown. The HTTP
status of each class is in `chromi/web/http/error_handlers.py`.
"""

import errno
import math

from chromi.i18n import Message


class ChromiError(Exception):
    """Base class of all errors that Chromi raises."""

    code = "internal_error"
    user_message: Message = Message("Something went wrong on our side. Please try again.")
    title: Message | None = None
    """The heading of the error's page; None for the usual one of its code."""
    retry_after_s = 5
    """When to try again, for temporary errors (rate limits, a busy service)."""

    def __init__(
        self, user_message: str | None = None, *, detail: str = "", wait_s: float | None = None
    ) -> None:
        if isinstance(user_message, Message):
            self.user_message = user_message
        elif user_message:
            self.user_message = Message(user_message)
        if wait_s is not None:
            self.retry_after_s = max(1, math.ceil(wait_s))
        self.detail = detail
        super().__init__(f"{self.user_message} [{detail}]" if detail else self.user_message)


class ConfigError(ChromiError):
    """A setting is unknown or out of range, so Chromi does not start."""

    code = "bad_configuration"


class ServiceUnhealthy(ChromiError):
    """A health check failed."""

    code = "unhealthy"


# -- invalid requests ------------------------------------------------------------------------------------


class BadRequest(ChromiError):
    """The request is malformed."""

    code = "bad_request"
    user_message = Message("The request is not valid.")


class MissingVideo(BadRequest):
    """The `video` field is missing or its file is empty."""

    code = "missing_video"
    user_message = Message("The request contains no video. Send the file in the “video” field.")


class NotFound(ChromiError):
    """The upload, job or link does not exist."""

    code = "not_found"
    user_message = Message("This page doesn’t exist. It may have been deleted.")


class ClipNotFound(NotFound):
    """The upload has been deleted or never existed."""

    title = Message("This video is no longer available")
    user_message = Message("We delete videos that haven’t been used for a while. Please upload yours again.")


class LinkNotFound(NotFound):
    """The token of a share link is invalid."""

    title = Message("This link doesn’t work")
    user_message = Message(
        "It may be incomplete, or its background has been deleted. Ask the sender for a new link."
    )


class Conflict(ChromiError):
    """The resource exists but is not in a state that allows the request."""

    code = "conflict"
    user_message = Message("This isn’t possible right now.")


class AlreadyRunning(Conflict):
    """The same job is already in progress for this clip, for example after a double click."""

    code = "already_running"
    user_message = Message("This background is already being made.")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__()


class UploadLocked(Conflict):
    """Another request is writing to or probing this upload."""

    code = "upload_locked"
    user_message = Message(
        "Another part of this upload is still being received. Please try again in a moment."
    )


class Gone(ChromiError):
    """The link has expired."""

    code = "link_expired"
    user_message = Message("This link has expired. Ask the sender for a new one.")


class UploadTooLarge(ChromiError):
    """The body is larger than CHROMI_MAX_UPLOAD_MB."""

    code = "too_large"
    user_message = Message("The file is too large.")

    @classmethod
    def over(cls, max_mb: int) -> "UploadTooLarge":
        return cls(
            Message(
                "The file is larger than %(limit)s MB. Shorten or compress it, then try again.", limit=max_mb
            )
        )


class NotAVideo(ChromiError):
    """The content is not a video in a supported container, whatever the file name says."""

    code = "not_a_video"
    user_message = Message(
        "We can’t read this file as a video. It may be damaged or incomplete. "
        "Use an MP4, MOV, WebM, MKV, or GIF file."
    )


class UnsupportedMediaType(ChromiError):
    """The body is JSON or another type that is not a form."""

    code = "not_a_form"
    user_message = Message("Send the options as a form (multipart/form-data), as “curl -F” does.")


class BadOptions(ChromiError):
    """One or more options are invalid. The message lists all of them."""

    code = "bad_options"


# -- limits ----------------------------------------------------------------------------------------------


class ServiceBusy(ChromiError):
    """The database is locked or another resource is temporarily exhausted."""

    code = "busy"
    user_message = Message("The service is busy. Please try again in a few seconds.")


class DiskFull(ChromiError):
    """The disk is full or has too little space for another conversion."""

    code = "disk_full"
    user_message = Message("The server is out of disk space. Please try again later.")

    @classmethod
    def from_os_error(cls, error: OSError) -> "DiskFull | None":
        """Return DiskFull if the OS error means that the disk or the quota is full, otherwise None."""
        return cls(detail=str(error)) if error.errno in (errno.ENOSPC, errno.EDQUOT) else None


class DatabaseDamaged(ChromiError):
    """The database file is damaged. An administrator must restore a backup."""

    code = "database_damaged"
    user_message = Message("The service can’t read its database right now. Please try again later.")
    retry_after_s = 60


class QueueFull(ServiceBusy):
    """CHROMI_MAX_QUEUE jobs are waiting."""

    code = "queue_full"
    user_message = Message("The queue is full. Please try again in a minute.")
    retry_after_s = 60

    @classmethod
    def behind(cls, waiting: int) -> "QueueFull":
        return cls(
            Message(
                "The queue is full: your video would be number %(place)s. Please try again in a minute.",
                place=waiting + 1,
            )
        )


class UploadsFull(ServiceBusy):
    """CHROMI_MAX_UPLOADS uploads are in progress."""

    code = "uploads_full"
    user_message = Message("Too many uploads are in progress. Please try again in a minute.")
    retry_after_s = 20


class RateLimited(ChromiError):
    """A client has used up its share; the request itself is valid."""

    code = "too_many"

    @classmethod
    def hourly_quota(cls, wait_s: float) -> "RateLimited":
        """The client's hourly quota is used up for `wait_s` seconds."""
        return cls(
            Message(
                "Your network has reached its hourly limit. Please try again in %(minutes)s min.",
                minutes=_minutes(wait_s),
            ),
            wait_s=wait_s,
        )

    @classmethod
    def probes(cls, wait_s: float) -> "RateLimited":
        """One upload was probed too often."""
        return cls(
            Message(
                "We tried several times to check this upload and failed. "
                "Please try again in %(minutes)s min.",
                minutes=_minutes(wait_s),
            ),
            wait_s=wait_s,
        )

    @classmethod
    def queued_jobs(cls) -> "RateLimited":
        """The client has reached its share of the queue."""
        return cls(
            Message(
                "Several videos from your network are already in the queue. Please try again in a minute."
            ),
            wait_s=60,
        )

    @classmethod
    def disk_share(cls) -> "RateLimited":
        """The client's files have reached its share of the disk."""
        return cls(
            Message("Your network has used up its share of storage. Please try again later."),
            wait_s=3600,
        )

    @classmethod
    def active_uploads(cls) -> "RateLimited":
        """The client has reached its share of the uploads in progress."""
        return cls(
            Message("Several uploads from your network are in progress. Please try again in a minute."),
            wait_s=20,
        )


def _minutes(wait_s: float) -> int:
    return max(1, math.ceil(wait_s / 60))

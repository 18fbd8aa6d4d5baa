"""Everything that can go wrong, as one tree.

Each error carries the HTTP status it is answered with, a stable code for programs, and a sentence that a
person can act on. What only a developer can use (ffmpeg's own words, a path) goes into `detail`, which is
logged and never shown.
"""

import math

from chromi.i18n import Message


class ChromiError(Exception):
    """Base of every error that Chromi raises on purpose."""

    status_code = 500
    code = "internal_error"
    user_message: Message = Message("Something went wrong on our side. Please try again.")
    retry_after_s = 5
    """When to try again, for the answers that say so (429, 503)."""

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
    """A setting is unknown or out of range: the start stops."""

    code = "bad_configuration"


class ServiceUnhealthy(ChromiError):
    """A look at the service found trouble."""

    status_code = 503
    code = "unwell"


# -- what a request can get wrong ------------------------------------------------------------------------


class BadRequest(ChromiError):
    """The request cannot be read as one of ours."""

    status_code = 400
    code = "bad_request"
    user_message = Message("That request could not be understood.")


class MissingVideo(BadRequest):
    """No file came in the field `video`, or an empty one."""

    code = "missing_video"
    user_message = Message("No video came with the request. Send the file in the field named “video”.")


class NotFound(ChromiError):
    """No such upload, job or link."""

    status_code = 404
    code = "not_found"
    user_message = Message("There is nothing at this address. It may have been removed already.")


class Conflict(ChromiError):
    """The thing exists but is not in a state that allows this."""

    status_code = 409
    code = "conflict"
    user_message = Message("That is not possible right now.")


class AlreadyRunning(Conflict):
    """The same is being made of the same clip already, such as after a double click."""

    code = "already_running"
    user_message = Message("This background is being made already.")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__()


class UploadLocked(Conflict):
    """Another piece of the same upload is being written, or the whole of it looked at."""

    status_code = 423
    code = "upload_locked"
    user_message = Message("Another piece of this upload is being taken. Please try again in a moment.")


class Gone(ChromiError):
    """The link was good once and is not any more."""

    status_code = 410
    code = "link_expired"
    user_message = Message(
        "This link has expired. Ask whoever shared it for a new one, or make the background again."
    )


class UploadTooLarge(ChromiError):
    """The body is larger than CHROMI_MAX_UPLOAD_MB."""

    status_code = 413
    code = "too_large"
    user_message = Message("The file is too large.")

    @classmethod
    def over(cls, max_mb: int) -> "UploadTooLarge":
        return cls(
            Message(
                "The file is larger than %(limit)s MB. Cut it shorter or choose a smaller one.", limit=max_mb
            )
        )


class NotAVideo(ChromiError):
    """The bytes are no video in a container that we take, whatever the file is called."""

    status_code = 415
    code = "not_a_video"
    user_message = Message("This file is not a video that we can read. Use an MP4, MOV, WebM or GIF file.")


class UnsupportedMediaType(ChromiError):
    """The body is JSON or something else that is no form."""

    status_code = 415
    code = "not_a_form"
    user_message = Message("Send the options as a form (multipart/form-data), as “curl -F” does.")


class BadOptions(ChromiError):
    """One or more options are out of range; the message names each."""

    status_code = 422
    code = "bad_options"


class ServiceBusy(ChromiError):
    """The database is locked or something else is short for a moment: try again."""

    status_code = 503
    code = "busy"
    user_message = Message("The service is busy. Please try again in a few seconds.")


class DatabaseDamaged(ChromiError):
    """What the database's file holds is no database any more: its host has to put a backup in its place."""

    status_code = 503
    code = "database_damaged"
    user_message = Message("The service cannot read its records at this moment. Please try again later.")
    retry_after_s = 60


class QueueFull(ServiceBusy):
    """As many jobs wait as CHROMI_MAX_QUEUE allows."""

    code = "queue_full"
    user_message = Message("Too many clips are waiting at this moment. Please try again in a minute.")
    retry_after_s = 60

    @classmethod
    def behind(cls, waiting: int) -> "QueueFull":
        return cls(
            Message(
                "Too many clips are waiting at this moment: yours would be number %(place)s. "
                "Please try again in a minute.",
                place=waiting + 1,
            )
        )


class UploadsFull(ServiceBusy):
    """As many uploads are under way as CHROMI_MAX_UPLOADS allows."""

    code = "uploads_full"
    user_message = Message("Many uploads are under way at this moment. Please try again in a minute.")
    retry_after_s = 20


class RateLimited(ChromiError):
    """One address has taken its share; nothing is wrong with the request itself."""

    status_code = 429
    code = "too_many"

    @classmethod
    def until(cls, wait_s: float) -> "RateLimited":
        """What an address may have within an hour is used up for so many seconds."""
        return cls(
            Message(
                "A lot has come from your network within the last hour. Please try again in %(minutes)s min.",
                minutes=max(1, math.ceil(wait_s / 60)),
            ),
            wait_s=wait_s,
        )

    @classmethod
    def probing(cls, wait_s: float) -> "RateLimited":
        """One upload was looked at too often."""
        return cls(
            Message(
                "This upload could not be checked several times. Please try again in %(minutes)s min.",
                minutes=max(1, math.ceil(wait_s / 60)),
            ),
            wait_s=wait_s,
        )

    @classmethod
    def waiting(cls) -> "RateLimited":
        return cls(
            Message("Several clips from your network are waiting already. Please try again in a minute."),
            wait_s=60,
        )

    @classmethod
    def keeping(cls) -> "RateLimited":
        return cls(
            Message("What came from your network fills its share of the disk. Please try again later."),
            wait_s=3600,
        )

    @classmethod
    def uploading(cls) -> "RateLimited":
        return cls(
            Message("Several uploads from your network are under way. Please try again in a minute."),
            wait_s=20,
        )


def error_from_code(code: str | None, user_message: str | None) -> ChromiError:
    """Make the error again that a row remembers by its code and sentence."""
    kinds = {kind.code: kind for kind in _family(ChromiError)}
    return kinds.get(code or "", ChromiError)(user_message)


def _family(kind: type[ChromiError]) -> list[type[ChromiError]]:
    return [kind, *(member for child in kind.__subclasses__() for member in _family(child))]

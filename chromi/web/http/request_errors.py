"""Errors that only HTTP requests can cause."""

from __future__ import annotations

import math

from chromi.errors import ChromiError, Conflict, Gone, UnsupportedMediaType
from chromi.i18n import Message

TUS_VERSION = "1.0.0"
CHUNK_TYPE = "application/offset+octet-stream"


class CrossSite(ChromiError):
    """A page on another site made this visitor's browser send a request that changes something."""

    code = "cross_site"
    user_message = Message(
        "This request came from another site and was blocked. Open this page directly and try again."
    )


class WrongHost(ChromiError):
    """The hostname is not listed in CHROMI_TRUSTED_HOSTS."""

    code = "wrong_host"
    user_message = Message("This service is not available under that hostname.")


class WrongApiToken(ChromiError):
    """The request has an API token that does not exist."""

    code = "invalid_token"
    user_message = Message("This API token is wrong. Check it, or send the request without one.")


class IdempotencyKeyInUse(Conflict):
    """The first request with this Idempotency-Key is still in progress."""

    code = "idempotency_key_in_use"
    user_message = Message(
        "The first request with this Idempotency-Key is still in progress. Please try again in a moment."
    )


class IdempotencyKeyReused(ChromiError):
    """The Idempotency-Key belongs to a request with other content."""

    code = "idempotency_key_reused"
    user_message = Message("This Idempotency-Key was sent with another request. Use a new key.")


# -- links -----------------------------------------------------------------------------------------------


class LinkUsedUp(Gone):
    """The link has already delivered its file `max_uses` times."""

    code = "link_used_up"
    user_message = Message("This link has reached its download limit. Ask the sender for a new one.")


class LinkRevoked(Gone):
    """The owner has revoked the link."""

    code = "link_revoked"
    user_message = Message("The sender has revoked this link. Ask them for a new one.")


class PasswordRequired(ChromiError):
    """The link has a password, but the request does not."""

    code = "password_needed"
    user_message = Message("This link requires a password. Send it with POST in the “password” field.")


class WrongPassword(ChromiError):
    """The password is wrong."""

    code = "wrong_password"
    user_message = Message("Wrong password. Check it and try again.")


class TooManyPasswordAttempts(ChromiError):
    """Too many passwords were tried for this link."""

    code = "too_many_tries"

    @classmethod
    def until(cls, wait_s: float) -> TooManyPasswordAttempts:
        return cls(
            Message(
                "Too many wrong passwords. Please try again in %(minutes)s min.",
                minutes=max(1, math.ceil(wait_s / 60)),
            ),
            wait_s=wait_s,
        )


# -- resumable uploads -----------------------------------------------------------------------------------


class WrongOffset(Conflict):
    """A chunk does not start where the file ends."""

    code = "wrong_offset"
    user_message = Message(
        "This chunk does not start where the upload ends. Request the current offset and continue from there."
    )


class WrongTusVersion(ChromiError):
    """The client does not use the required version of tus."""

    code = "wrong_protocol"
    user_message = Message(
        "Resumable uploads require the header “Tus-Resumable: %(version)s”.", version=TUS_VERSION
    )


class NotAChunk(UnsupportedMediaType):
    """The Content-Type is not that of a chunk."""

    code = "not_a_chunk"
    user_message = Message("Set Content-Type to “%(kind)s”.", kind=CHUNK_TYPE)


# -- admin pages -----------------------------------------------------------------------------------------


class TokenRequired(ChromiError):
    """The request lacks the admin token."""

    code = "token_needed"


class WrongToken(ChromiError):
    """The admin token is wrong."""

    code = "wrong_token"


class TooManyTokenAttempts(ChromiError):
    """The client has tried too many admin tokens."""

    code = "too_many_tries"

"""Passwords of share links: kept as a hash, tried a few times only, shown once and then granted for a while.

The grant is a signed cookie that only the link's own address is sent, that no script reads and no other
site can make a browser send. In the address it would stand in the history, in the list of downloads, in logs,
and in what people copy to pass on.
"""

from __future__ import annotations

import math
import threading
import unicodedata

from flask import Response, request, url_for
from werkzeug.security import check_password_hash, generate_password_hash

from chromi.db import Link, RateLimit
from chromi.errors import ChromiError
from chromi.i18n import Message
from chromi.tokens import GRANT_MAX_AGE_S
from chromi.web.services import services

MIN_LENGTH, MAX_LENGTH = 4, 100
COOKIE = "chromi_grant"
TRIES = RateLimit("password", 10, window_s=600)
"""For each link, whoever tries its password."""

_one_hash_at_a_time = threading.Lock()
"""scrypt takes 32 MB on purpose; eight at once would be half of a small machine."""


class PasswordNeeded(ChromiError):
    """The link asks for a password and none came with the request."""

    status_code = 401
    code = "password_needed"
    user_message = Message("This link asks for a password. Send it by POST in the field “password”.")


class WrongPassword(ChromiError):
    """The link's password is another one."""

    status_code = 403
    code = "wrong_password"
    user_message = Message("That is not the password of this link. Check it and try again.")


class TooManyTries(ChromiError):
    """The link's tries are used up for now."""

    status_code = 429
    code = "too_many_tries"

    @classmethod
    def until(cls, wait_s: float) -> TooManyTries:
        return cls(
            Message(
                "There were too many wrong passwords. Please try again in %(minutes)s min.",
                minutes=max(1, math.ceil(wait_s / 60)),
            ),
            wait_s=wait_s,
        )


def hash_password(password: str) -> str:
    with _one_hash_at_a_time:
        return generate_password_hash(_normal(password))


def take_password(link: Link) -> None:
    """Look at the form's password, if the link asks for one; without one in the form a grant will do.

    Raises PasswordNeeded when there is neither, WrongPassword, and TooManyTries once the link's tries are
    used up, whatever is tried then.
    """
    if link.password_hash is None:
        return
    if "password" not in request.form:
        if is_open(link):
            return
        raise PasswordNeeded
    if not TRIES.take(link.id):  # before it is looked at: guesses sent side by side are counted too
        raise TooManyTries.until(TRIES.wait_s(link.id))
    password = request.form["password"][: MAX_LENGTH + 1]  # one more than any right one has
    with _one_hash_at_a_time:
        is_right = check_password_hash(link.password_hash, _normal(password))
    if not is_right:
        raise WrongPassword
    TRIES.give_back(link.id)


def is_open(link: Link) -> bool:
    """True when this request needs no password, or comes from whoever gave the right one a while ago."""
    if link.password_hash is None:
        return True
    return services().signer.verify_grant(request.cookies.get(COOKIE, ""), link.id)


def grant(response: Response, link: Link, token: str) -> None:
    """Let the receiver go on without the password for some minutes."""
    response.set_cookie(
        COOKIE,
        services().signer.sign_grant(link.id),
        max_age=GRANT_MAX_AGE_S,
        path=url_for("downloads.download", token=token).rstrip("/"),
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def _normal(password: str) -> str:
    """The same letters as the same bytes, whichever keyboard typed them."""
    return unicodedata.normalize("NFC", password)

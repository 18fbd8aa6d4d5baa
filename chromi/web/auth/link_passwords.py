"""Passwords of share links: stored as a hash, limited in attempts, and remembered for a while.

After the right password, a signed cookie stands for it. The browser sends the cookie only to the address of
the link, no script can read it, and requests from other sites do not carry it. A token in the address would
appear in the history, in the list of downloads, in logs, and in what people copy.
"""

from __future__ import annotations

import threading
import unicodedata

from flask import Response, request, url_for
from werkzeug.security import check_password_hash, generate_password_hash

from chromi.db import Link, RateLimit
from chromi.tokens import GRANT_MAX_AGE_S
from chromi.web.http.request_errors import PasswordRequired, TooManyPasswordAttempts, WrongPassword
from chromi.web.services import services

MIN_LENGTH, MAX_LENGTH = 4, 100
COOKIE = "chromi_grant"
ATTEMPTS = RateLimit("password", 10, window_s=600)
"""For each link, whoever tries its password."""

_hash_lock = threading.Lock()
"""scrypt takes 32 MB on purpose; eight at once would take half of a small machine's memory."""


def hash_password(password: str) -> str:
    with _hash_lock:
        return generate_password_hash(_normalize(password))


def check_password(link: Link) -> None:
    """Check the password in the form, if the link has one; without one in the form, check the cookie.

    Raises PasswordRequired if there is neither, WrongPassword, and TooManyPasswordAttempts once the attempts
    are used up, whatever is tried then.
    """
    if link.password_hash is None:
        return
    if "password" not in request.form:
        if is_unlocked(link):
            return
        raise PasswordRequired
    if not ATTEMPTS.acquire(link.id):  # before the check, so that parallel guesses count, too
        raise TooManyPasswordAttempts.until(ATTEMPTS.wait_s(link.id))
    password = request.form["password"][: MAX_LENGTH + 1]  # one character more than any valid password
    with _hash_lock:
        is_right = check_password_hash(link.password_hash, _normalize(password))
    if not is_right:
        raise WrongPassword
    ATTEMPTS.reset(link.id)


def is_unlocked(link: Link) -> bool:
    """True if the link has no password, or if the client entered it less than GRANT_MAX_AGE_S ago."""
    if link.password_hash is None:
        return True
    return services().signer.verify_grant(request.cookies.get(COOKIE, ""), link.id)


def remember_password(response: Response, link: Link, token: str) -> None:
    """Set the cookie that stands for the password."""
    response.set_cookie(
        COOKIE,
        services().signer.sign_grant(link.id),
        max_age=GRANT_MAX_AGE_S,
        path=url_for("downloads.download", token=token).rstrip("/"),
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def _normalize(password: str) -> str:
    """Normalize to NFC, so that the same letters are the same bytes whatever keyboard typed them."""
    return unicodedata.normalize("NFC", password)

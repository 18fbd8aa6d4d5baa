"""Check the passwords of share links, which are stored as hashes and limited in attempts.

Once the correct password is entered, a signed cookie replaces it. The browser sends the cookie only to the
link's URL, scripts cannot read it, and cross-site requests do not carry it. A token in the URL would appear
in the history, the list of downloads, logs, and whatever people copy.
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
"""Limit per link, regardless of who tries its password."""

_hash_lock = threading.Lock()
"""scrypt deliberately takes 32 MB. Eight at once would use half of a small machine's memory."""


def hash_password(password: str) -> str:
    with _hash_lock:
        return generate_password_hash(_normalize(password))


def check_password(link: Link) -> None:
    """Check the password in the form if the link has one. If the form has no password, check the cookie.

    Raises PasswordRequired if there is neither, WrongPassword if it is wrong, and TooManyPasswordAttempts for
    any password once the attempts are used up.
    """
    if link.password_hash is None:
        return
    if "password" not in request.form:
        if is_unlocked(link):
            return
        raise PasswordRequired
    if not ATTEMPTS.acquire(link.id):  # before the check, so that parallel guesses count too
        raise TooManyPasswordAttempts.until(ATTEMPTS.wait_s(link.id))
    password = request.form["password"][: MAX_LENGTH + 1]  # one character more than any valid password
    with _hash_lock:
        is_right = check_password_hash(link.password_hash, _normalize(password))
    if not is_right:
        raise WrongPassword
    ATTEMPTS.reset(link.id)


def is_unlocked(link: Link) -> bool:
    """True if the link has no password, or the client entered it less than GRANT_MAX_AGE_S ago."""
    if link.password_hash is None:
        return True
    return services().signer.verify_grant(request.cookies.get(COOKIE, ""), link.id)


def remember_password(response: Response, link: Link, token: str) -> None:
    """Set the cookie that replaces the password."""
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
    """Normalize to NFC, so that the same letters become the same bytes regardless of the keyboard."""
    return unicodedata.normalize("NFC", password)

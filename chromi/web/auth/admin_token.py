"""The admin token: compared in constant time, limited in attempts, traded for a session cookie.

The token is never part of an address. The cookie is signed, and ends when the token is changed.
"""

from __future__ import annotations

import hashlib
import hmac

from flask import Response, request

from chromi.client_networks import widest_network_of
from chromi.db import RateLimit
from chromi.tokens import ADMIN_SESSION_MAX_AGE_S
from chromi.web.http.request_errors import TokenRequired, TooManyTokenAttempts, WrongToken
from chromi.web.services import services

COOKIE = "chromi_admin"
ATTEMPTS = RateLimit("admin token", 10, window_s=600)
"""For each network."""


def require_token() -> None:
    """Raise TokenRequired, WrongToken or TooManyTokenAttempts without a valid token or session."""
    if has_session():
        return
    credentials = request.authorization
    # `Authorization: Bearer`, or the password of `Basic`, as curl -u sends it.
    check_token((credentials.token or credentials.password) if credentials else None)


def has_bearer_token() -> bool:
    """Return whether the request has the admin token. Raises WrongToken and TooManyTokenAttempts for another.

    Only `Bearer` counts: a proxy with passwords of its own passes `Basic` on. False if no token is set.
    """
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not services().settings.admin_token:
        return False
    check_token(credentials.token)
    return True


def check_token(token: str | None) -> None:
    """Raise TokenRequired, WrongToken or TooManyTokenAttempts unless this is the admin token.

    The right token is always accepted; otherwise anyone behind the administrator's address could lock the
    administrator out. It has at least 16 characters, so it cannot be guessed.
    """
    if token is None:
        raise TokenRequired(
            "Send the token (CHROMI_ADMIN_TOKEN) as “Authorization: Bearer …” or in this form."
        )
    if hmac.compare_digest(token.encode(), services().settings.admin_token.encode()):
        return
    client = services().admission.client_of(request.remote_addr)
    network = widest_network_of(client) if client else "local"
    if not ATTEMPTS.acquire(network):
        wait_s = ATTEMPTS.wait_s(network)
        raise TooManyTokenAttempts("There were too many wrong tokens. Try again later.", wait_s=wait_s)
    raise WrongToken("This token is wrong.")


def has_session() -> bool:
    return services().signer.verify_admin_session(request.cookies.get(COOKIE, ""), _fingerprint())


def start_session(response: Response, path: str) -> None:
    """Set the session cookie for the addresses below `path`."""
    response.set_cookie(
        COOKIE,
        services().signer.sign_admin_session(_fingerprint()),
        max_age=ADMIN_SESSION_MAX_AGE_S,
        path=path,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def _fingerprint() -> str:
    """Return a value that changes with the token and does not reveal it."""
    return hashlib.sha256(services().settings.admin_token.encode()).hexdigest()

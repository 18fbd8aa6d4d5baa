"""Check the admin token: constant-time comparison, limited attempts, and a session cookie in exchange.

The token is never part of a URL. The cookie is signed, and valid for 12 hours unless the token changes.
Sessions are not stored, so logging out only removes the cookie from the browser.
"""

from __future__ import annotations

import hashlib
import hmac

from flask import Response, request

from chromi.client_networks import widest_network_of
from chromi.db import RateLimit
from chromi.tokens import ADMIN_SESSION_MAX_AGE_S
from chromi.web.http.client_identity import identify_client, parse_credentials
from chromi.web.http.request_errors import TokenRequired, TooManyTokenAttempts, WrongToken
from chromi.web.services import services

COOKIE = "chromi_admin"
ATTEMPTS = RateLimit("admin token", 10, window_s=600)
"""Limit per network."""


def require_token() -> None:
    """Raise TokenRequired, WrongToken or TooManyTokenAttempts unless there is a valid token or session."""
    if has_session():
        return
    credentials = parse_credentials(request.headers.get("Authorization"))
    # `Authorization: Bearer`, or the password of `Basic`, which `curl -u` sends.
    check_token((credentials.token or credentials.password) if credentials else None)


def has_bearer_token() -> bool:
    """Return whether the request has the admin token. Raises WrongToken and TooManyTokenAttempts.

    Only `Bearer` counts, because a proxy with its own passwords passes `Basic` credentials on. Returns False
    if no token is configured.
    """
    credentials = parse_credentials(request.headers.get("Authorization"))
    if credentials is None or credentials.type != "bearer" or not services().settings.admin_token:
        return False
    check_token(credentials.token)
    return True


def check_token(token: str | None) -> None:
    """Raise TokenRequired, WrongToken or TooManyTokenAttempts unless this is the admin token.

    The correct token is always accepted; otherwise, anyone sharing the administrator's address could lock the
    administrator out. It has at least 16 characters, so it cannot be guessed.
    """
    if token is None:
        raise TokenRequired(
            "Send the token (CHROMI_ADMIN_TOKEN) as “Authorization: Bearer …” or in this form."
        )
    if hmac.compare_digest(token.encode(), services().settings.admin_token.encode()):
        return
    client = identify_client()
    network = widest_network_of(client) if client else "local"
    if not ATTEMPTS.acquire(network):
        wait_s = ATTEMPTS.wait_s(network)
        raise TooManyTokenAttempts("Too many wrong tokens. Try again later.", wait_s=wait_s)
    raise WrongToken("This token is wrong.")


def has_session() -> bool:
    return services().signer.verify_admin_session(request.cookies.get(COOKIE, ""), _fingerprint())


def start_session(response: Response, path: str) -> None:
    """Set the session cookie for URLs below `path`."""
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
    """Return a value that changes with the token without revealing it."""
    return hashlib.sha256(services().settings.admin_token.encode()).hexdigest()

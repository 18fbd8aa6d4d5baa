"""Headers on every answer, and no POST from other sites."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request

from chromi.errors import CrossSite, NotAForm

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

PUBLIC = ("uploads.index", "static", "favicon")
"""What search engines may list."""


def init_app(app: Flask) -> None:
    app.before_request(refuse_cross_site)
    app.before_request(refuse_other_bodies)
    app.after_request(add_headers)


def refuse_cross_site() -> None:
    """Let nothing be changed from another site's page.

    The rule of Go 1.25's CrossOriginProtection: Sec-Fetch-Site where the browser sends it, else Origin
    against Host; a client that sends neither is no browser and carries no one's session.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        allowed = origin is None or urlsplit(origin).netloc == request.host
    if not allowed:
        raise CrossSite


def refuse_other_bodies() -> None:
    """Take options from forms only: in a JSON body they would go unread, and the defaults would be done."""
    if request.method == "POST" and request.content_length and request.mimetype not in FORMS:
        raise NotAForm


def add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # Not no-referrer: browsers would send `Origin: null` with our own forms. Downloads, whose addresses are
    # secrets, say so themselves.
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    # What a page shows changes from one second to the next; only static files and GIFs say otherwise.
    headers.setdefault("Cache-Control", "no-store")
    if request.endpoint not in PUBLIC:
        headers["X-Robots-Tag"] = "noindex"  # an address with an id in it is a secret
    return response

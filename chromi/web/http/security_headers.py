"""Security headers on every response."""

from __future__ import annotations

from flask import Flask, Response, request

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

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would send `Origin: null` with our own forms. Downloads, whose addresses are
    # secrets, set no-referrer themselves.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Pages change from one second to the next; only static files and GIFs override this.
    "Cache-Control": "no-store",
}
"""Defaults, which a response may override."""

HSTS = "max-age=31536000"
"""One year, for this host name only: hosts decide about subdomains and browsers' preload lists."""

INDEXED_ENDPOINTS = ("uploads.index", "static", "favicon")
"""What search engines may index."""


def init_app(app: Flask) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # according to the trusted proxy; browsers ignore the header over http
        response.headers["Strict-Transport-Security"] = HSTS
    if request.endpoint not in INDEXED_ENDPOINTS:
        response.headers["X-Robots-Tag"] = "noindex"  # an address that contains an id is a secret
    return response

"""Set security headers on every response."""

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
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer, browsers would send `Origin: null` with our own forms. Downloads have secret URLs, so
    # they set no-referrer themselves.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Pages change from one second to the next. Only static files and GIFs override this.
    "Cache-Control": "no-store",
}
"""Defaults that a response may override."""

HSTS = "max-age=31536000"
"""One year, for this hostname only: operators decide about subdomains and browsers' preload lists."""

INDEXED_ENDPOINTS = ("uploads.index", "static", "favicon")
"""What search engines may index."""


def init_app(app: Flask) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # as reported by the trusted proxy; browsers ignore the header over http
        response.headers["Strict-Transport-Security"] = HSTS
    if request.endpoint not in INDEXED_ENDPOINTS:
        response.headers["X-Robots-Tag"] = "noindex"  # a URL that contains an id is a secret
    return response

"""Use the client's address and scheme that a trusted proxy sends, under every WSGI server."""

from __future__ import annotations

from flask import Flask
from waitress.proxy_headers import proxy_headers_middleware

from chromi.config import Settings

HEADERS = {"x-forwarded-for", "x-forwarded-proto"}


def init_app(app: Flask) -> None:
    """Wrap the application; forwarding headers of anybody but the trusted proxy are removed.

    Not an option of the server, because `waitress-serve wsgi:app` and others do not read our settings. It
    does no harm when the server has done the same before.
    """
    settings: Settings = app.extensions["chromi"].settings
    app.wsgi_app = proxy_headers_middleware(  # type: ignore[method-assign]
        app.wsgi_app,
        trusted_proxy=settings.trusted_proxy,
        trusted_proxy_count=settings.trusted_proxy_count,
        trusted_proxy_headers=HEADERS,
    )

"""Use the client's address and scheme that a trusted proxy sends, under every WSGI server."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, request
from waitress.proxy_headers import proxy_headers_middleware

from chromi.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADERS = {"x-forwarded-for", "x-forwarded-proto"}

OWN_MACHINE = "chromi.own_machine"
"""Under this name the environment tells whether the request was made on this machine."""

_FORWARDING = ("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
"""How the names of headers begin that proxies add, trusted or not."""


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
    app.wsgi_app = _note_origin(app.wsgi_app)  # type: ignore[assignment, method-assign]


def is_own_machine() -> bool:
    """Tell whether the request comes from this machine itself, and not through a proxy on it."""
    return bool(request.environ.get(OWN_MACHINE))


def _note_origin(app: WSGIApplication) -> WSGIApplication:
    """Look at the request as it comes: later the peer's address has become the client's.

    A proxy on this machine is a loopback peer too. It shows by a header that it adds, or by the name that the
    client asked for.
    """

    def note(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[OWN_MACHINE] = (
            _is_loopback(environ.get("REMOTE_ADDR", ""))
            and _is_loopback(_host_name(environ.get("HTTP_HOST", "")))
            and not any(name.startswith(_FORWARDING) for name in environ)
        )
        return app(environ, start_response)

    return note


def _host_name(host: str) -> str:
    """Return a Host header without its port and brackets."""
    name, _, port = host.rpartition(":")
    return (name if port.isdecimal() else host).strip("[]").lower()


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False

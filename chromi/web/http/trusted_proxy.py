"""Use the client address and scheme sent by a trusted proxy, under any WSGI server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, request
from waitress.proxy_headers import (
    PROXY_HEADERS,
    MalformedProxyHeader,
    clear_untrusted_headers,
    parse_proxy_headers,
)

from chromi.client_networks import parse_address
from chromi.config import Settings
from chromi.errors import BadRequest
from chromi.web.http.request_validation import REJECTION_KEY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TRUSTED_HEADERS = {"x-forwarded-for", "x-forwarded-proto"}

IS_LOCAL_KEY = "chromi.is_local_request"
"""The environ key that is true if the request came from this machine."""

_FORWARDING_PREFIXES = ("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
"""Prefixes of the headers that proxies add, trusted or not."""


def init_app(app: Flask) -> None:
    """Wrap the application and remove forwarding headers unless the trusted proxy sent them.

    The server does not do this, because `waitress-serve wsgi:app` and other servers do not read our settings.
    Doing it in both places is harmless.
    """
    settings: Settings = app.extensions["chromi"].settings
    app.wsgi_app = _use_proxy_headers(app.wsgi_app, settings)  # type: ignore[assignment, method-assign]
    app.wsgi_app = _mark_local_requests(app.wsgi_app)  # type: ignore[assignment, method-assign]


def apply_proxy_headers(environ: WSGIEnvironment, settings: Settings) -> None:
    """Set the client address and scheme that the trusted proxy sent; remove all other forwarding headers.

    Raises BadRequest if the trusted proxy sent malformed headers.
    """
    untrusted = set(PROXY_HEADERS)
    try:
        if is_trusted_proxy(environ["REMOTE_ADDR"], settings):
            _normalize_addresses(environ, settings.trusted_proxy_count)
            untrusted = parse_proxy_headers(environ, settings.trusted_proxy_count, TRUSTED_HEADERS)
    except MalformedProxyHeader as error:
        raise BadRequest(detail=f"{error.header}: {error.reason}") from error
    except IndexError as error:
        raise BadRequest(detail="X-Forwarded-For: empty address") from error
    finally:
        clear_untrusted_headers(environ, untrusted)


def is_trusted_proxy(peer: str, settings: Settings) -> bool:
    """True if the connected address is CHROMI_TRUSTED_PROXY, however either is written."""
    proxy = parse_address(settings.trusted_proxy)
    return settings.trusted_proxy == "*" or (proxy is not None and parse_address(peer) == proxy)


def _normalize_addresses(environ: WSGIEnvironment, count: int) -> None:
    """Rewrite the addresses in X-Forwarded-For that waitress would split wrongly.

    It takes the last part of `::ffff:1.2.3.4` for a port, and the port of `[2001:db8::1]:443` for a part of
    the address.
    """
    if sent := environ.get("HTTP_X_FORWARDED_FOR"):
        hops = sent.rsplit(",", count)[-count:]
        environ["HTTP_X_FORWARDED_FOR"] = ",".join(_normalize_address(hop.strip()) for hop in hops)


def _normalize_address(hop: str) -> str:
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    return str(parse_address(bare) or hop)


def is_local_request() -> bool:
    """True if the request comes directly from this machine, not through a proxy running on it."""
    return bool(request.environ.get(IS_LOCAL_KEY))


def _use_proxy_headers(app: WSGIApplication, settings: Settings) -> WSGIApplication:
    """Let the application render the error for malformed headers like any other error."""

    def use(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            apply_proxy_headers(environ, settings)
        except BadRequest as rejection:
            environ[REJECTION_KEY] = rejection
        return app(environ, start_response)

    return use


def _mark_local_requests(app: WSGIApplication) -> WSGIApplication:
    """Inspect the request before the peer's address is replaced with the client's.

    A proxy on this machine is also a loopback peer. It is recognized by a header that it adds or by the
    requested hostname.
    """

    def mark(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[IS_LOCAL_KEY] = (
            _is_loopback(environ.get("REMOTE_ADDR", ""))
            and _is_loopback(_host_name(environ.get("HTTP_HOST", "")))
            and not any(name.startswith(_FORWARDING_PREFIXES) for name in environ)
        )
        return app(environ, start_response)

    return mark


def _host_name(host: str) -> str:
    """Return a Host header without the port and brackets."""
    name, _, port = host.rpartition(":")
    return (name if port.isdecimal() else host).strip("[]").lower()


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    ip = parse_address(address)
    return ip is not None and ip.is_loopback

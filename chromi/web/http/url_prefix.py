"""Serve the application under a sub-path of a host (CHROMI_URL_PREFIX), under any WSGI server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask

from chromi.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def init_app(app: Flask) -> None:
    """Wrap the application, so that it finds its routes and all of its URLs start with the prefix.

    The server does not do this, because `waitress-serve wsgi:app` and other servers do not read our settings.
    """
    settings: Settings = app.extensions["chromi"].settings
    if settings.url_prefix:
        app.wsgi_app = _use_prefix(app.wsgi_app, settings.url_prefix)  # type: ignore[assignment, method-assign]


def remove_prefix(path: str, prefix: str) -> str:
    """Return a requested path without the prefix, which the proxy may have removed already.

    Any number of slashes before and after the prefix, even none, become one, just as Flask reads a path.
    """
    path = _with_one_slash(path)
    if not prefix or not f"{path}/".startswith(f"{prefix}/"):
        return path
    return _with_one_slash(path.removeprefix(prefix))


def _with_one_slash(path: str) -> str:
    return "/" + path.lstrip("/")


def _use_prefix(app: WSGIApplication, prefix: str) -> WSGIApplication:
    def use(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ |= {"SCRIPT_NAME": prefix, "PATH_INFO": remove_prefix(environ.get("PATH_INFO", ""), prefix)}
        return app(environ, start_response)

    return use

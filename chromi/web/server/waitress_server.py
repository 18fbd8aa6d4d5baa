"""Run the web server: waitress, configured for large uploads and slow downloads."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import waitress
from flask import Flask
from waitress.server import TcpWSGIServer

from chromi.config import MB, Settings
from chromi.db import database
from chromi.errors import ConfigError
from chromi.jobs.heartbeat import start_file_cleanup
from chromi.socket_activation import inherited_socket
from chromi.web.limits.upload_guard import UploadGuard
from chromi.web.server.channel import Channel
from chromi.web.server.dispatcher import RequestDispatcher
from chromi.web.server.event_loop import EventLoop, Sockets

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 500
MAX_ACCEPTS = 20
"""Connections accepted per round of the event loop. Each round asks every connection whether it is readable.
With one accept per round, the last of many connections would wait for seconds."""
MAX_HEADER_BYTES = 32_768
"""Limit for the request line and headers. Incomplete headers are searched from the start with each packet."""
RECEIVE_BYTES = 65_536
"""Bytes read from a connection before the event loop moves to the next connection."""
SPOOL_BYTES = 65_536
"""How much of a body or response is kept in memory. The rest is on disk."""
UNLIMITED_BYTES = 2**40


def serve(app: Flask, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ConfigError if the address cannot be used."""
    TcpWSGIServer.channel_class = Channel
    TcpWSGIServer.handle_accept = _accept_several
    Channel.guard = UploadGuard(settings, app.extensions["chromi"].admission)
    sockets: Sockets = {}
    dispatcher = RequestDispatcher()
    server = _create_server(app, settings, sockets, dispatcher)
    loop = EventLoop(sockets)
    port = getattr(server, "effective_port", settings.port)
    address = f"http://{_url_host(settings.host)}:{port}{settings.url_prefix}/"
    logger.info("Chromi is running at %s (press Ctrl-C to stop)", address)
    start_file_cleanup(app.extensions["chromi"].storage)
    with database.keep_open(), suppress(KeyboardInterrupt):
        loop.run()
    dispatcher.shutdown()  # gives active requests 5 s


def _create_server(app: Flask, settings: Settings, sockets: Sockets, dispatcher: RequestDispatcher) -> Any:
    """Return the listening server; its sockets are added to `sockets`. Raises ConfigError."""
    socket = inherited_socket()
    where = {"sockets": [socket]} if socket else {"host": settings.host, "port": settings.port}
    try:
        return waitress.create_server(
            app,
            **where,
            map=sockets,
            _dispatcher=dispatcher,
            ident=None,
            connection_limit=MAX_CONNECTIONS,
            channel_timeout=60,
            # The upload guard is stricter. This catches what the guard cannot know.
            max_request_body_size=settings.max_upload_bytes + 20 * MB,
            recv_bytes=RECEIVE_BYTES,
            inbuf_overflow=SPOOL_BYTES,
            outbuf_overflow=SPOOL_BYTES,
            # Otherwise, a thread would block until a slow client has read its response.
            outbuf_high_watermark=UNLIMITED_BYTES,
            max_request_header_size=MAX_HEADER_BYTES,
            clear_untrusted_proxy_headers=False,  # the application does this, see http/trusted_proxy.py
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen on {settings.host}:{settings.port}: {reason}.") from error


_accept_one = TcpWSGIServer.handle_accept


def _accept_several(server: TcpWSGIServer) -> None:
    for _ in range(MAX_ACCEPTS):
        before = len(server.active_channels)
        _accept_one(server)
        if len(server.active_channels) == before:
            break


def _url_host(host: str) -> str:
    """Return a host that works in a URL on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{host}]" if ":" in host else host

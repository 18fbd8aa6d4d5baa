"""The web server: waitress, set up for large uploads and slow downloads."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType

import waitress
from flask import Flask
from waitress.server import TcpWSGIServer

from chromi.config import MB, Settings
from chromi.db import keep_connection_open
from chromi.errors import ConfigError
from chromi.web.limits.upload_guard import UploadGuard
from chromi.web.server.channel import Channel
from chromi.web.server.dispatcher import RequestDispatcher

logger = logging.getLogger(__name__)

CONNECTIONS = 500
ACCEPT = 20
"""Let in at once: one by one, each after a look at all others, the last of a crowd would wait for seconds."""
HEADER_BYTES = 32_768
"""Of a request's first line and headers; each packet of unfinished ones is searched from the start."""
READ_BYTES = 65_536
"""Taken from a connection at once; the event loop looks at all of them in between."""
SPOOL_OVER_BYTES = 65_536
"""What is in memory of a body that comes, and of an answer that goes; the rest is on disk."""


def serve(app: Flask, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ConfigError when the address cannot be had."""
    TcpWSGIServer.channel_class = Channel
    TcpWSGIServer.handle_accept = _accept_some
    Channel.door = UploadGuard(settings, app.extensions["chromi"].admission)
    try:
        server = waitress.create_server(
            app,
            host=settings.host,
            port=settings.port,
            _dispatcher=RequestDispatcher(),
            ident=None,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,
            channel_timeout=60,
            # The door is stricter; this is for what it cannot tell.
            max_request_body_size=settings.max_upload_bytes + 20 * MB,
            recv_bytes=READ_BYTES,
            inbuf_overflow=SPOOL_OVER_BYTES,
            outbuf_overflow=SPOOL_OVER_BYTES,
            # A thread that waited until somebody reads would be lost to everybody else.
            outbuf_high_watermark=2**40,
            max_request_header_size=HEADER_BYTES,
            clear_untrusted_proxy_headers=False,  # the application does so, see proxy.py
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen on {settings.host}:{settings.port}: {reason}.") from error
    signal.signal(signal.SIGTERM, _stop)
    port = getattr(server, "effective_port", settings.port)
    logger.info("Chromi is at http://%s:%s/  (Ctrl-C stops it)", _shown_host(settings.host), port)
    with keep_connection_open():
        server.run()


_accept_one = TcpWSGIServer.handle_accept


def _accept_some(server: TcpWSGIServer) -> None:
    for _ in range(ACCEPT):
        before = len(server.active_channels)
        _accept_one(server)
        if len(server.active_channels) == before:
            break


def _stop(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)  # waitress gives running requests 5 s; downloads under way are cut and can be resumed


def _shown_host(host: str) -> str:
    """An address that can be typed into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{host}]" if ":" in host else host

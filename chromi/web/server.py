"""The web server: waitress, set up for large uploads and slow downloads."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import Any

import waitress
from flask import Flask
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from chromi.config import MB, Settings
from chromi.errors import ConfigError
from chromi.models import kept_open
from chromi.web.channel import Channel
from chromi.web.door import Door

log = logging.getLogger(__name__)

THREADS = 8
"""Requests at once. Uploads and downloads hold none while they trickle: waitress' event loop carries them."""
HEAVY_THREADS = 2
"""Uploads looked at by ffmpeg at once, each for a fraction of a second and with 50 MB of memory."""
CONNECTIONS = 500
HEADER_BYTES = 32_768
"""Of a request's first line and headers; each packet of unfinished ones is searched from the start."""
READ_BYTES = 65_536
"""Taken from a connection at once; the event loop looks at all of them in between."""
SPOOL_OVER_BYTES = 65_536
"""What is in memory of a body that comes, and of an answer that goes; the rest is on disk."""


def serve(app: Flask, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ConfigError when the address cannot be had."""
    TcpWSGIServer.channel_class = Channel
    Channel.door = Door(settings, app.extensions["chromi"].admission)
    forwarded = {}
    if settings.trusted_proxy:
        forwarded = {
            "trusted_proxy": settings.trusted_proxy,
            "trusted_proxy_count": settings.trusted_proxy_count,
            "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
        }
    try:
        server = waitress.create_server(
            app,
            host=settings.host,
            port=settings.port,
            _dispatcher=_Lanes(),
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
            **forwarded,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen on {settings.host}:{settings.port}: {reason}.") from error
    signal.signal(signal.SIGTERM, _stop)
    port = getattr(server, "effective_port", settings.port)
    log.info("Chromi is at http://%s:%s/  (Ctrl-C stops it)", _shown_host(settings.host), port)
    with kept_open():
        server.run()


class _Lanes:
    """Hands requests to threads as waitress' dispatcher does, heavy ones to threads of their own.

    Uploads and passwords take their time; status and `/health/` do not wait behind a row of them.
    """

    def __init__(self) -> None:
        self._heavy, self._others = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        self._heavy.set_thread_count(HEAVY_THREADS)
        self._others.set_thread_count(THREADS)

    def add_task(self, channel: Channel) -> None:
        (self._heavy if channel.is_heavy else self._others).add_task(channel)

    def shutdown(self, *args: Any, **kwargs: Any) -> None:
        for lane in (self._heavy, self._others):
            lane.shutdown(*args, **kwargs)


def _stop(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)  # waitress gives running requests 5 s; downloads under way are cut and can be resumed


def _shown_host(host: str) -> str:
    """An address that can be typed into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{host}]" if ":" in host else host

"""The web server: waitress, set up for large uploads and slow downloads."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import waitress

from chromi import create_app
from chromi.config import MB, Settings
from chromi.errors import ConfigError

THREADS = 8
"""Requests at once. Uploads and downloads hold none while they trickle: waitress' event loop carries them."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ConfigError when the address cannot be had."""
    app = create_app(settings)
    forwarded = {}
    if settings.trusted_proxy:
        forwarded = {
            "trusted_proxy": settings.trusted_proxy,
            "trusted_proxy_headers": "x-forwarded-for x-forwarded-host x-forwarded-proto",
        }
    try:
        server = waitress.create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=THREADS,
            ident=None,
            connection_limit=500,
            asyncore_use_poll=True,
            channel_timeout=60,
            # Above the application's own limit, which answers in our words; far above, waitress hangs up
            # with its own before reading.
            max_request_body_size=settings.max_upload_bytes + 20 * MB,
            **forwarded,
        )
    except OSError as error:
        raise ConfigError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error
    signal.signal(signal.SIGTERM, _stop)
    port = getattr(server, "effective_port", settings.port)
    print(f"Chromi is at http://{_shown_host(settings.host)}:{port}/  (Ctrl-C stops it)", flush=True)
    server.run()


def _stop(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)  # waitress lets the running requests end and closes


def _shown_host(host: str) -> str:
    """An address that can be typed into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{host}]" if ":" in host else host

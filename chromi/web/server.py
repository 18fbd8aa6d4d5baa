"""The web server: waitress, set up for large uploads and slow downloads."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import sys
from types import FrameType

import waitress
from flask import Flask
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error as Refusal

from chromi.config import MB, Settings
from chromi.encoder.errors import DiskFull
from chromi.errors import BadRequest, ChromiError, ConfigError, UploadTooLarge
from chromi.models import kept_open

log = logging.getLogger(__name__)

THREADS = 8
"""Requests at once. Uploads and downloads hold none while they trickle: waitress' event loop carries them."""


def serve(app: Flask, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises ConfigError when the address cannot be had."""
    TcpWSGIServer.channel_class = _Channel
    _ErrorTask.max_upload_mb = settings.max_upload_mb
    forwarded = {}
    if settings.trusted_proxy:
        forwarded = {
            "trusted_proxy": settings.trusted_proxy,
            "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto",
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
            # A little above the application's own limit: a client that is sending still reads that answer.
            # What is far above is refused before it is read.
            max_request_body_size=settings.max_upload_bytes + 20 * MB,
            **forwarded,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot listen on {settings.host}:{settings.port}: {reason}.") from error
    signal.signal(signal.SIGTERM, _stop)
    port = getattr(server, "effective_port", settings.port)
    print(f"Chromi is at http://{_shown_host(settings.host)}:{port}/  (Ctrl-C stops it)", flush=True)
    with kept_open():
        server.run()


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Says in our shape what waitress refuses before the application hears of it."""

    max_upload_mb: int

    def execute(self) -> None:
        refused = self.request.error
        error: ChromiError = BadRequest()
        if refused.code == UploadTooLarge.status_code:
            error = UploadTooLarge.over(self.max_upload_mb)
        if refused.code == DiskFull.status_code:
            error = DiskFull()
            self.response_headers.append(("Retry-After", str(error.retry_after_s)))
        body = json.dumps({"error": {"code": error.code, "message": error.user_message}}).encode()
        self.status = f"{refused.code} {refused.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _NoRoom(Refusal):  # type: ignore[misc]
    code = DiskFull.status_code
    reason = "Service Unavailable"


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request as it comes; its body is spooled to a disk, which may be full."""

    def received(self, data: bytes) -> int:
        try:
            return int(super().received(data))
        except OSError as error:
            if not DiskFull.explains(error):
                raise
            log.warning("a request's body finds no room: %s", error)
            with contextlib.suppress(OSError):  # it would be flushed
                self.close()
            self.body_rcv = None
            self.error, self.completed = _NoRoom(str(error)), True
            return len(data)


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    error_task_class = _ErrorTask


def _stop(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)  # waitress gives running requests 5 s; downloads under way are cut and can be resumed


def _shown_host(host: str) -> str:
    """An address that can be typed into a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{host}]" if ":" in host else host

"""Connections that check a request before its body, enforce timeouts, and never lose a response.

Everything except the tasks runs in the server's event loop, one connection at a time, so nothing here may
take long.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from chromi.client_networks import is_local, network_prefixes
from chromi.errors import BadRequest, ChromiError
from chromi.web.http.request_log import HEADER, choose_request_id, log_rejected_request
from chromi.web.http.request_validation import REJECTION_KEY
from chromi.web.http.security_headers import HEADERS
from chromi.web.limits.upload_guard import RequestKind, UploadGuard
from chromi.web.server.connection_timer import ConnectionTimer, Phase
from chromi.web.server.request_parser import RequestParser

MAX_CONNECTIONS_PER_CLIENT = 150
"""Out of 500 in total.

This is enough for an office behind one address, and three clients cannot use up all connections.
"""
LOADED_FRACTION = 0.8
"""Timeouts are short once this fraction of the connection limit is reached."""
LINGER_S = 30.0
"""How long to keep discarding the rest of a rejected body. If the connection closed immediately, the client
would not read the response."""
LINGER_READ_BYTES = 2**18


class _Task(WSGITask):  # type: ignore[misc]
    """Passes a rejection to the application, which renders it."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.request.rejection is not None:
            environ[REJECTION_KEY] = self.request.rejection
            self.channel.has_unread_body = True
        return environ


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Renders errors from waitress's parser as our JSON. The application never sees them."""

    def execute(self) -> None:
        parse_error = self.request.error
        # 501 is the client's error as well: a Transfer-Encoding other than chunked.
        error = ChromiError() if parse_error.code == 500 else BadRequest()
        request_id = choose_request_id(self.request.headers.get("X_REQUEST_ID", ""))
        body = json.dumps({"error": {"code": error.code, "message": error.user_message}}).encode()
        self.status = f"{parse_error.code} {parse_error.reason}"
        own_headers = {"Content-Type": "application/json", HEADER: request_id}
        self.response_headers += [*HEADERS.items(), *own_headers.items()]
        self.channel.has_unread_body = True
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
        log_rejected_request(request_id, parse_error.code, len(body))


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection. `guard` is shared by all connections; set it before the server starts."""

    task_class = _Task
    error_task_class = _ErrorTask
    guard: UploadGuard

    request: Any
    client: str
    """The widest network around the client address from a trusted proxy, or around the connected address."""
    has_unread_body = False
    """Set by a task if its request's body is still being sent."""
    _linger_until: float | None = None
    _has_received = False

    def __init__(self, server: Any, sock: socket.socket, addr: Any, *args: Any, **kwargs: Any) -> None:
        self._timer = ConnectionTimer(time.monotonic())
        self._peer = addr[0]
        self.client = network_prefixes(self._peer)[0]
        super().__init__(server, sock, addr, *args, **kwargs)
        # Close in the next round of the event loop. In this round, another connection may get the descriptor.
        is_proxy = self.guard.is_trusted_proxy(self._peer)
        self._must_close = not is_proxy and self._exceeds_connection_limit(self._peer)

    def parser_class(self, adj: Adjustments) -> RequestParser:
        """Create the parser for the next request. waitress calls this."""
        return RequestParser(adj, self.guard, self._peer, self._identify_client)

    def _identify_client(self, request: RequestParser) -> None:
        """Identify the client, which may be behind a proxy, and limit its number of connections."""
        address = self.guard.client_address_of(request, self._peer)
        self.client = network_prefixes(address)[0]
        self._must_close = self._exceeds_connection_limit(address)

    def _exceeds_connection_limit(self, address: str) -> bool:
        """Return whether the client has too many connections.

        Local clients have no limit, because one may be a proxy that is not configured as trusted.
        """
        channels = list(self.server.active_channels.values())
        own = sum(each.client == self.client for each in channels)
        return own > MAX_CONNECTIONS_PER_CLIENT and not is_local(address)

    @property
    def request_kind(self) -> RequestKind:
        """The kind of the next request, which determines its threads."""
        request = self.requests[0]
        if request.error or request.rejection:  # a malformed request may have no path
            return RequestKind.QUICK
        return self.guard.kind_of(request)

    # -- called by the event loop, readable() at least once per second -----------------------------------

    def readable(self) -> bool:
        if self._must_close or self._is_too_slow(time.monotonic()):
            # Do not use waitress's will_close: it waits until the socket is writable, which a stalled socket
            # never is.
            self.handle_close()
            return False
        return self._linger_until is not None or bool(super().readable())

    def writable(self) -> bool:
        """Return False once readable() has closed the connection.

        Otherwise, the event loop would register the closed descriptor. If it accepts a connection that gets
        the same descriptor, it would close that one.
        """
        return self.socket is not None and bool(super().writable())

    def recv(self, buffer_size: int) -> bytes:
        data: bytes = super().recv(buffer_size)
        self._timer.count_bytes(len(data))
        return data

    def send(self, data: bytes, do_close: bool = True) -> int:
        # If the client has reset the connection, waitress would close it here and then go on to use it. The
        # event loop closes it in the next round.
        sent: int = super().send(data, do_close=False)
        self._timer.count_bytes(sent)
        return sent

    def handle_read(self) -> None:
        if self._linger_until is None:
            self._has_received = True
            super().handle_read()
            return
        try:
            self.recv(LINGER_READ_BYTES)  # closes the connection when the client has sent everything
        except OSError:
            self.handle_close()

    def handle_write(self) -> None:
        if not (self.close_when_flushed and self.has_unread_body):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif not self.total_outbufs_len:
            self._linger()

    def handle_close(self) -> None:
        super().handle_close()
        if self.request is not None:  # its body is on disk
            self.request.close()
            self.request = None

    def _linger(self) -> None:
        """Announce the end of the response and discard what the client still sends."""
        self.close_when_flushed = False
        self._linger_until = time.monotonic() + LINGER_S
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    @property
    def is_unanswered(self) -> bool:
        """Return whether the client sends a request, waits for its response or receives it."""
        return self._linger_until is None and self._phase() is not Phase.IDLE

    def _is_too_slow(self, now: float) -> bool:
        if self._linger_until is not None:
            return now > self._linger_until
        is_loaded = len(self.server.active_channels) > self.adj.connection_limit * LOADED_FRACTION
        return self._timer.is_too_slow(self._phase(), now, is_loaded=is_loaded)

    def _phase(self) -> Phase:
        if self.total_outbufs_len:
            return Phase.SENDING
        if self.requests:
            return Phase.PROCESSING
        if self.request is None:
            return Phase.IDLE if self._has_received else Phase.RECEIVING_REQUEST
        is_upload = self.request.headers_finished and self.guard.kind_of(self.request) is RequestKind.UPLOAD
        return Phase.RECEIVING_UPLOAD if is_upload else Phase.RECEIVING_REQUEST

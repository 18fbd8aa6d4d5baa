"""A connection as waitress has it, which looks before it reads, and waits for nobody for ever.

All of this but the tasks runs in the server's event loop, one connection after the other: nothing here may
take long.
"""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask, WSGITask

from chromi.client_networks import labels_of
from chromi.encoder.encoder_errors import DiskFull
from chromi.errors import BadRequest, ChromiError
from chromi.web.http import request_log
from chromi.web.http.security_headers import HEADERS, REFUSAL
from chromi.web.limits.upload_guard import Kind, UploadGuard
from chromi.web.server.eviction import find_one_to_cut
from chromi.web.server.timeouts import Pace, Phase

PRESSED_SHARE = 0.8
"""With so much of all places taken, few are left."""
FULL_SHARE = 0.9
"""With so much of them taken, somebody makes way for whoever comes."""
LINGER_S = 30.0
"""So long what a refused client still sends is thrown away: closed at once, it would not read the answer."""
LINGER_READ_BYTES = 2**18
FRAMING_BYTES = 65_536
"""Of a body in chunks: their sizes and what follows the last one; and half of what they carry."""


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request as it comes. One that is refused is complete at once, and has no body."""

    refusal: ChromiError | None = None
    _known_bytes = -1
    """So much of the body was here at the last look; -1 before the headers were."""

    def __init__(self, adj: Adjustments, channel: Channel) -> None:
        super().__init__(adj)
        self._channel = channel
        self._door = channel.door

    def received(self, data: bytes) -> int:
        """Take some bytes; gives how many of them were this request's."""
        try:
            consumed: int = super().received(data)
        except OSError as error:  # the body is spooled to a disk
            if not DiskFull.explains(error):
                raise
            self._refuse(DiskFull())
            return len(data)
        if self.headers_finished and self._known_bytes < 0:
            self._channel.client = self._door.owner_of(self, self._channel.addr[0])
        if self.body_rcv is None:
            return consumed
        try:
            self._check_framing(len(self.body_rcv))
            if self._known_bytes >= 0:
                self._door.check_size(self, self.body_bytes_received)
            elif self.chunked and "CONTENT_LENGTH" in self.headers:
                raise BadRequest  # two ends: a proxy may believe in the other one
            if self._known_bytes < 1 and self._known_bytes < self.body_bytes_received:
                self._door.look(self, self._channel.addr[0])
            self._known_bytes = self.body_bytes_received
        except ChromiError as refusal:
            self._refuse(refusal)
            return len(data)
        return consumed

    def close(self) -> None:
        """Drop the body; waitress calls it once the request has been answered."""
        try:
            super().close()
        finally:
            self._door.release(self)

    def _check_framing(self, content_bytes: int) -> None:
        """Refuse a body that mostly says where its pieces end: waitress parses that again and again."""
        if self.body_bytes_received - content_bytes > FRAMING_BYTES + content_bytes // 2:
            raise BadRequest

    def _refuse(self, refusal: ChromiError) -> None:
        with suppress(OSError):  # on a full disk: it would be flushed
            self.close()
        self.body_rcv = None
        self.headers |= {"CONTENT_LENGTH": "0", "CONNECTION": "close"}
        # Else waitress would answer 100 and read on, whatever it has found.
        self.expect_continue = False
        self.refusal, self.error, self.completed = refusal, None, True


class _Task(WSGITask):  # type: ignore[misc]
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.request.refusal is not None:
            environ[REFUSAL] = self.request.refusal
            self.channel.has_unread_body = True
        return environ


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Says in our shape what waitress refuses before the application hears of it."""

    def execute(self) -> None:
        refused = self.request.error
        error = BadRequest() if refused.code < 500 else ChromiError()
        body = json.dumps({"error": {"code": error.code, "message": error.user_message}}).encode()
        self.status = f"{refused.code} {refused.reason}"
        self.response_headers += [*HEADERS.items(), ("Content-Type", "application/json")]
        self.channel.has_unread_body = True
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
        request_log.note_refused(refused.code, len(body))


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection; whoever makes the server says which `door` all of them have."""

    task_class = _Task
    error_task_class = _ErrorTask
    door: UploadGuard

    request: Any
    client: str
    """The widest network around the client that a trusted proxy names, else around whoever has connected."""
    must_make_way = False
    has_unread_body = False
    """Set by a task whose request's body is still being sent."""
    _lingers_until: float | None = None
    _has_asked = False

    def __init__(self, server: Any, sock: socket.socket, addr: Any, *args: Any, **kwargs: Any) -> None:
        self._pace = Pace(time.monotonic())
        self.client = labels_of(addr[0])[0]
        super().__init__(server, sock, addr, *args, **kwargs)
        if len(server.active_channels) > self.adj.connection_limit * FULL_SHARE:
            self._ask_one_to_make_way()

    def parser_class(self, adj: Adjustments) -> Parser:
        """Begin a request; waitress calls it so."""
        return Parser(adj, self)

    @property
    def kind(self) -> Kind:
        """What the request to be worked on next keeps a thread busy with."""
        request = self.requests[0]
        if request.error or request.refusal:  # the former may have no path
            return Kind.QUICK
        return self.door.kind_of(request)

    def waited_s(self, now: float) -> float:
        """How long it has kept us waiting, see Pace."""
        return self._pace.waited_s(now)

    def service(self) -> None:
        """Answer a request; whoever has sent more of them without waiting for it gets no more than this."""
        if len(self.requests) > 1:
            self.requests[0].headers["CONNECTION"] = "close"
        super().service()

    # -- the event loop asks each connection, at least once a second -------------------------------------

    def readable(self) -> bool:
        if self._is_too_slow(time.monotonic()):
            # Not by waitress' will_close: it waits for the socket to take bytes; a stalled one never does.
            self.handle_close()
            return False
        return self._lingers_until is not None or bool(super().readable())

    def recv(self, buffer_size: int) -> bytes:
        data: bytes = super().recv(buffer_size)
        self._pace.move(len(data))
        return data

    def send(self, data: bytes, do_close: bool = True) -> int:
        sent: int = super().send(data, do_close)
        self._pace.move(sent)
        return sent

    def handle_read(self) -> None:
        if self._lingers_until is None:
            self._has_asked = True
            super().handle_read()
        else:
            self._throw_away()

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
        if self.request is not None:  # its body lies on disk
            self.request.close()
            self.request = None

    def _ask_one_to_make_way(self) -> None:
        """It goes in the loop's next round: in this one its number might come to stand for another socket."""
        channels = self.server.active_channels.values()
        places = [each for each in channels if each is not self and not each.must_make_way]
        find_one_to_cut(places, time.monotonic()).must_make_way = True

    def _is_too_slow(self, now: float) -> bool:
        if self.must_make_way:
            return True
        if self._lingers_until is not None:
            return now > self._lingers_until
        is_pressed = len(self.server.active_channels) > self.adj.connection_limit * PRESSED_SHARE
        return self._pace.is_too_slow(self._phase(), now, is_pressed=is_pressed)

    def _phase(self) -> Phase:
        if self.total_outbufs_len:
            return Phase.ANSWER
        if self.requests:
            return Phase.WORK
        if self.request is None:
            return Phase.REST if self._has_asked else Phase.REQUEST
        is_upload = self.request.headers_finished and self.door.kind_of(self.request) is Kind.UPLOAD
        return Phase.UPLOAD if is_upload else Phase.REQUEST

    # -- the end of a request whose body was not read ----------------------------------------------------

    def _linger(self) -> None:
        """Say that no more is coming, and let the client find out before the connection is closed."""
        self.close_when_flushed = False
        self._lingers_until = time.monotonic() + LINGER_S
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def _throw_away(self) -> None:
        try:
            self.recv(LINGER_READ_BYTES)  # at the client's own end of sending it closes the connection
        except OSError:
            self.handle_close()

"""Parse requests, and reject them based on their headers before their body is received."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest as MalformedRequest

from chromi.errors import BadRequest, ChromiError, DiskFull
from chromi.web.limits.upload_guard import UploadGuard

MAX_FRAMING_BYTES = 65_536
"""Limit for a chunked body's framing (chunk sizes and trailers), in addition to half of its content."""
MAX_SPACES = 32
"""Limit for consecutive spaces and tabs in the headers. waitress and Werkzeug (for cookies) need time that
grows with the square of their number: 32 kB would take seconds and stop all threads."""

_REQUEST_LINE = re.compile(rb"[^ ]+ [^ ]+( HTTP/[0-9]\.[0-9])?")
"""Accepts more than waitress, but in linear time. waitress needs quadratic time to reject other lines."""


class RequestParser(HTTPRequestParser):  # type: ignore[misc]
    """A request that is being received. A rejected request is complete immediately and has no body."""

    completed: bool
    empty: bool
    rejection: ChromiError | None = None
    _checked_bytes = -1
    """The length of the body at the last check, or -1 until the headers are complete."""

    def __init__(
        self, adj: Adjustments, guard: UploadGuard, peer: str, on_headers: Callable[[RequestParser], None]
    ) -> None:
        """`on_headers` is called when the headers are complete."""
        super().__init__(adj)
        self._guard = guard
        self._peer = peer
        self._on_headers = on_headers

    def received(self, data: bytes) -> int:
        """Parse bytes and return how many of them are done with: all of them once the request is complete.

        Of several pipelined requests, only the first is answered before the connection closes. Otherwise,
        64 KB of tiny requests would be parsed at once.
        """
        consumed = 0
        try:
            consumed = super().received(data)
            self._check()
        except OSError as error:  # the body is spooled to disk
            disk_full = DiskFull.from_os_error(error)
            if disk_full is None:
                raise
            self._reject(disk_full)
        except ChromiError as rejection:
            self._reject(rejection)
        if self.empty:
            self.empty, self.error = False, MalformedRequest("Blank lines instead of a request")
        if not self.completed:
            return consumed
        self.expect_continue = False  # otherwise, waitress would send "100 Continue" and keep reading
        if consumed < len(data):
            self.headers["CONNECTION"] = "close"
        return len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the request line and the headers. Raises ParsingError. waitress calls this."""
        _check_header_lines(header_plus)
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a malformed IPv6 address, or a length of over 4300 digits
            raise ParsingError("Malformed address or length") from error

    def close(self) -> None:
        """Delete the body. waitress calls this once the request has been answered."""
        try:
            super().close()
        finally:
            self._guard.release(self)

    def _check(self) -> None:
        """Check the headers when complete and at the body's first byte; check the size every time."""
        if not self.headers_finished:
            return
        is_first = self._checked_bytes < 0
        if is_first:
            self._on_headers(self)
            self._check_host()
        if self.body_rcv is None:
            return
        self._check_framing(len(self.body_rcv))
        if not is_first:
            self._guard.check_size(self, self.body_bytes_received)
        elif self.chunked and "CONTENT_LENGTH" in self.headers:
            raise BadRequest  # with two lengths, a proxy may have used the other one
        if self._checked_bytes < 1 and self._checked_bytes < self.body_bytes_received:
            self._guard.check_headers(self, self._peer)
        self._checked_bytes = self.body_bytes_received

    def _check_host(self) -> None:
        """Raise BadRequest for HTTP/1.1 without a Host header (RFC 9112, section 3.2)."""
        if self.version == "1.1" and "HOST" not in self.headers and not self.error:
            raise BadRequest

    def _check_framing(self, content_bytes: int) -> None:
        """Raise BadRequest for a body that is mostly chunk sizes, which waitress parses repeatedly."""
        if self.body_bytes_received - content_bytes > MAX_FRAMING_BYTES + content_bytes // 2:
            raise BadRequest

    def _reject(self, rejection: ChromiError) -> None:
        with suppress(OSError):  # closing the file flushes it, which fails if the disk is full
            self.close()
        self.body_rcv = None
        self.headers |= {"CONTENT_LENGTH": "0", "CONNECTION": "close"}
        self.rejection, self.error, self.completed = rejection, None, True


def _check_header_lines(header_plus: bytes) -> None:
    """Raise ParsingError for lines that waitress or Werkzeug would parse in quadratic time.

    That includes a line that continues the previous header, because their spaces would be joined. RFC 9112,
    section 5.2, allows rejecting it.
    """
    request_line = header_plus.partition(b"\r\n")[0].rstrip()
    spaced = header_plus.replace(b"\t", b" ")
    has_long_run = b" " * (MAX_SPACES + 1) in spaced
    if not _REQUEST_LINE.fullmatch(request_line) or has_long_run or b"\r\n " in spaced:
        raise ParsingError("Malformed request line or header")

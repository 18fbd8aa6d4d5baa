"""Send a file whole or in part, and know when its last byte has gone out."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response, request
from werkzeug.wsgi import wrap_file

from chromi.errors import Gone
from chromi.web.http.http_counters import http_counters

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True)
class Wrapping:
    """What stands before and after a file's bytes."""

    before: bytes
    after: bytes


class WrappedFile(io.RawIOBase):
    """A file's bytes between others, as one file that lies nowhere."""

    def __init__(self, path: Path, wrapping: Wrapping) -> None:
        self._file = io.FileIO(path)
        self._wrapping = wrapping
        self._file_at = len(wrapping.before)
        self._file_end = self._file_at + os.fstat(self._file.fileno()).st_size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        end = self._file_end + len(self._wrapping.after)
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: end}[whence]
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        piece = self._read_part(len(view))
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read_part(self, size: int) -> bytes:
        """Read from the one part in which the position lies."""
        at = self._position
        if at < self._file_at:
            return self._wrapping.before[at : at + size]
        if at < self._file_end:
            return os.pread(self._file.fileno(), min(size, self._file_end - at), at - self._file_at)
        return self._wrapping.after[at - self._file_end :][:size]


class TrackedFile(io.BufferedReader):
    """A file, or a range of one, that tells when it is closed how far it was read.

    waitress reads from it as the socket takes the bytes, and closes it after the last one or when the
    connection breaks: what was read is what was sent.
    """

    on_close: Callable[[int, int], object] | None = None
    """Learns at the closing which byte was read first, and which would have been the next."""

    def __init__(self, path: Path, wrapping: Wrapping | None = None) -> None:
        """Open the file, in its wrapping if it has one; raises Gone when there is none."""
        try:
            super().__init__(WrappedFile(path, wrapping) if wrapping else io.FileIO(path))
        except FileNotFoundError as error:
            raise Gone from error
        self.size_bytes = self._stop = self.seek(0, os.SEEK_END)
        self._start = self.seek(0)

    def narrow(self, start: int, stop: int) -> None:
        """Stand at byte `start` and end before byte `stop`."""
        self._start, self._stop = start, stop
        self.seek(start)

    def read(self, size: int | None = -1) -> bytes:
        left = self._stop - self.tell()
        return super().read(left if size is None or size < 0 else min(size, left))

    def close(self) -> None:
        if self.closed:
            return
        position = self.tell()
        super().close()
        http_counters.count_sent(position - self._start)
        if self.on_close is not None:
            self.on_close(self._start, position)


def send_tracked_file(
    file: TrackedFile, mimetype: str, *, etag: str, latest_start: int | None = None
) -> Response:
    """Answer GET or HEAD with the file, or with the one range of it that was asked for; the file is closed.

    A range that begins after byte `latest_start` is answered with the whole file, as HTTP allows.
    """
    response = Response(wrap_file(request.environ, file), mimetype=mimetype, direct_passthrough=True)
    response.content_length = file.size_bytes
    response.set_etag(etag)
    try:
        response.make_conditional(
            request,
            accept_ranges=_takes_range(file.size_bytes, latest_start),
            complete_length=file.size_bytes,
        )
    except BaseException:
        file.close()
        raise
    if response.status_code == 206:
        # The server's own wrapper again, around the narrowed file: unlike Werkzeug's range wrapper it holds
        # no thread while a slow client reads.
        file.narrow(response.content_range.start or 0, response.content_range.stop or file.size_bytes)
        response.response = wrap_file(request.environ, file)
    return response


def send_clip(file: TrackedFile, mimetype: str, *, etag: str) -> Response:
    """Answer with a visitor's clip for the studio's player, as `send_tracked_file` does."""
    response = send_tracked_file(file, mimetype, etag=etag)
    # A stranger's bytes on our origin: should a browser ever take them for a page, it may do nothing.
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _takes_range(size_bytes: int, latest_start: int | None) -> bool:
    asked = request.range
    if asked is None:
        return True
    span = asked.range_for_length(size_bytes)
    if span is None:
        return len(asked.ranges) == 1  # beyond the end is an error, several at once are not
    return latest_start is None or span[0] <= latest_start

"""Send a file or a range of it, and track how much was sent."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response, request
from werkzeug.wsgi import wrap_file

from chromi.errors import Gone
from chromi.web.http.conditional_response import make_conditional
from chromi.web.http.http_counters import http_counters

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True)
class FilePart:
    """The content of a file on disk."""

    path: Path
    size_bytes: int


@dataclass(frozen=True)
class FileLayout:
    """A file that consists of bytes in memory and the contents of files on disk."""

    parts: tuple[bytes | FilePart, ...]


class CompositeFile(io.RawIOBase):
    """A read-only file with the given layout.

    One file on disk is open at a time, at first the first one, so that many stalled downloads need few
    descriptors. If a later file has been deleted when it is reached, reading raises FileNotFoundError.

    The views share a layout as long as one of its files is open, so the file must refer to it.
    """

    def __init__(self, layout: FileLayout) -> None:
        self._layout = layout
        sizes = [part.size_bytes if isinstance(part, FilePart) else len(part) for part in layout.parts]
        self._starts = list(accumulate(sizes, initial=0))
        self._position = 0
        first = next(part for part in layout.parts if isinstance(part, FilePart))
        self._path, self._file = first.path, io.FileIO(first.path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        end = self._starts[-1]
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: end}[whence]
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        content = self._read_part(len(view))
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read_part(self, size: int) -> bytes:
        """Read from the part at the current position, at most to the end of the part."""
        index = bisect_right(self._starts, self._position) - 1
        if index == len(self._layout.parts):
            return b""
        part, offset = self._layout.parts[index], self._position - self._starts[index]
        size = min(size, self._starts[index + 1] - self._position)
        if isinstance(part, bytes):
            return part[offset : offset + size]
        return os.pread(self._open(part.path), size, offset)

    def _open(self, path: Path) -> int:
        """Return the descriptor of one of the files, closing the one that was read before it."""
        if path != self._path:
            self._file.close()
            self._path, self._file = path, io.FileIO(path)
        return self._file.fileno()


class TrackedFile(io.BufferedReader):
    """A file or byte range that reports how much of it was read when it is closed.

    waitress reads as the socket accepts bytes, and closes the file after the last byte or when the connection
    breaks. Therefore, the bytes read are the bytes sent.
    """

    on_close: Callable[[int, int], object] | None = None
    """Called with the offset of the first byte read and the offset after the last one."""

    def __init__(self, source: Path | FileLayout) -> None:
        """Open the file. Raises Gone if it does not exist."""
        try:
            super().__init__(CompositeFile(source) if isinstance(source, FileLayout) else io.FileIO(source))
        except FileNotFoundError as error:
            raise Gone from error
        self.size_bytes = self._stop = self.seek(0, os.SEEK_END)
        self._start = self.seek(0)

    def limit_to(self, start: int, stop: int) -> None:
        """Read only the bytes from `start` up to but not including `stop`."""
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
    """Respond to GET or HEAD with the file, or with the requested range of it.

    If a range starts after byte `latest_start`, the response is the whole file, which HTTP allows. Raises
    PreconditionFailed and RequestedRangeNotSatisfiable after closing the file.
    """
    response = Response(wrap_file(request.environ, file), mimetype=mimetype, direct_passthrough=True)
    response.content_length = file.size_bytes
    response.set_etag(etag)
    try:
        make_conditional(response, file.size_bytes, latest_start=latest_start)
    except BaseException:
        file.close()
        raise
    if response.status_code == 206:
        # Use the server's file wrapper for ranges too. Unlike Werkzeug's range wrapper, it does not hold a
        # thread while a slow client reads.
        file.limit_to(response.content_range.start or 0, response.content_range.stop or file.size_bytes)
        response.response = wrap_file(request.environ, file)
    return response


def send_clip(file: TrackedFile, mimetype: str, *, etag: str) -> Response:
    """Respond with a visitor's clip for the studio's player, just as `send_tracked_file` does."""
    response = send_tracked_file(file, mimetype, etag=etag)
    # The content is untrusted. If a browser ever rendered it as a page, this keeps the page from running
    # anything.
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response

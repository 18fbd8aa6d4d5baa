"""Send a file whole or in part, and know when its last byte has gone out."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from flask import Response, request
from werkzeug.wsgi import wrap_file

from chromi.errors import Gone


class DeliveredFile(io.BufferedReader):
    """A file, or a range of one, that tells when it is closed whether the file's last byte was read.

    waitress reads from it as the socket takes the bytes, and closes it after the last one or when the
    connection breaks: what was read is what was sent.
    """

    def __init__(self, path: Path, on_close: Callable[[bool], None] | None = None) -> None:
        super().__init__(io.FileIO(path))
        self.size_bytes = self._stop = path.stat().st_size
        self._on_close = on_close

    def narrow(self, start: int, stop: int) -> None:
        """Stand at byte `start` and end before byte `stop`."""
        self._stop = stop
        self.seek(start)

    def read(self, size: int | None = -1) -> bytes:
        left = self._stop - self.tell()
        return super().read(left if size is None or size < 0 else min(size, left))

    def close(self) -> None:
        if self.closed:
            return
        complete = self.tell() >= self.size_bytes
        super().close()
        if self._on_close is not None:
            self._on_close(complete)


def deliver_file(
    path: Path, mimetype: str, *, etag: str, on_close: Callable[[bool], None] | None = None
) -> Response:
    """Answer GET or HEAD with the file, or with the range of it that was asked for.

    Raises Gone when there is no file. `on_close` learns whether the last byte was sent.
    """
    try:
        file = DeliveredFile(path, on_close)
    except FileNotFoundError as error:
        raise Gone from error
    response = Response(wrap_file(request.environ, file), mimetype=mimetype, direct_passthrough=True)
    response.content_length = file.size_bytes
    response.set_etag(etag)
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=file.size_bytes)
    except BaseException:
        file.close()
        raise
    if response.status_code == 206:
        # The server's own wrapper again, around the narrowed file: unlike Werkzeug's range wrapper it holds
        # no thread while a slow client reads.
        file.narrow(response.content_range.start or 0, response.content_range.stop or file.size_bytes)
        response.response = wrap_file(request.environ, file)
    return response

"""Send a file whole or in part, and know when its last byte has gone out."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from flask import Response, request
from werkzeug.wsgi import wrap_file

from chromi.errors import Gone


class DeliveredFile(io.BufferedReader):
    """A file that tells, when it is closed, whether it was read to its end.

    waitress reads from it as the socket takes the bytes, and closes it after the last one or when the
    connection breaks: what was read is what was sent.
    """

    def __init__(self, path: Path, on_close: Callable[[bool], None] | None = None) -> None:
        super().__init__(io.FileIO(path))
        self.size_bytes = path.stat().st_size
        self._on_close = on_close

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
        # The server's own wrapper again, now from the range's start: unlike Werkzeug's it holds no thread
        # while a slow client reads. The server stops by itself after Content-Length bytes.
        file.seek(response.content_range.start or 0)
        response.response = wrap_file(request.environ, file)
    return response

"""An S3 server that answers every request with an internal error."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.s3_server import S3Server

ERROR = b"<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>"


class _FailingHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # no connection outlives the server

    def _fail(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(ERROR)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(ERROR)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _fail

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def failing_s3(s3: S3Server) -> Iterator[None]:
    """Stop the server, answer with status 500 in its place, and start it again at the end."""
    s3.stop()
    server = ThreadingHTTPServer(("127.0.0.1", s3.port), _FailingHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        s3.start()

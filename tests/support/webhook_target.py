"""A server that webhooks are sent to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookTarget:
    """Listens on 127.0.0.1 and answers with `statuses` in turn; the last one is repeated."""

    statuses: list[int] = field(default_factory=lambda: [204])
    respond: Callable[[BaseHTTPRequestHandler], None] | None = None
    """Replaces the response."""
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                target.received.append(Received(self.path, dict(self.headers), body))
                if target.respond:
                    target.respond(self)
                    return
                self.send_response(target.statuses[min(len(target.received), len(target.statuses)) - 1])
                self.send_header("Location", "/redirected")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def url(self, path: str = "/hook?key=1") -> str:
        return f"http://localhost:{self.server.server_port}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

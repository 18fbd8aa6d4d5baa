"""An HTTP client for the soak's visitors: one connection per request, without a proxy."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 60
TUS = {"Tus-Resumable": "1.0.0"}
CHUNK_HEADERS = TUS | {"Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True)
class Response:
    """A response whose body has been read. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Sends requests to one service, from several threads, and counts the responses by status."""

    url: str
    statuses: Counter[int] = field(default_factory=Counter)
    bytes_in: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        """Send a request and read the response, or only `max_bytes` of it before closing the connection."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Accept": "application/json", **(headers or {})})
            received = connection.getresponse()
            names_and_values = {name.lower(): value for name, value in received.getheaders()}
            response = Response(received.status, names_and_values, received.read(max_bytes))
        finally:
            connection.close()
        with self._lock:
            self.statuses[response.status] += 1
            self.bytes_in += len(response.body)
        return response

    def get(self, path: str, **headers: str) -> Response:
        return self.request("GET", path, headers=headers)

    def post(self, path: str, video: bytes | None = None, **fields: str) -> Response:
        body, content_type = make_form(video, fields)
        return self.request("POST", path, body=body, headers={"Content-Type": content_type})

    def abort_upload(self, path: str, video: bytes) -> None:
        """Send half of a form and close the connection."""
        body, content_type = make_form(video, {})
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        try:
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", content_type)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[: len(body) // 2])
        finally:
            connection.close()


def make_form(video: bytes | None, fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Return a multipart form and its Content-Type."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{name}"\r\n\r\n{text}\r\n'.encode() for name, text in fields.items()]
    if video is not None:
        parts += [f'{head}video"; filename="clip.mp4"\r\n\r\n'.encode(), video, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"

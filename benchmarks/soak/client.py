"""HTTP as the soak's visitors speak it: one request, one connection, on the loopback only."""

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
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks one service, and counts its answers by status for all who ask."""

    url: str
    answers: Counter[int] = field(default_factory=Counter)
    bytes_in: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        at_most: int | None = None,
    ) -> Answer:
        """Ask and read the answer; with `at_most` only so many bytes of it, and then hang up."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Accept": "application/json", **(headers or {})})
            got = connection.getresponse()
            answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read(at_most))
        finally:
            connection.close()
        with self._lock:
            self.answers[answer.status] += 1
            self.bytes_in += len(answer.body)
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, video: bytes | None = None, **fields: str) -> Answer:
        body, kind = make_form(video, fields)
        return self.ask("POST", path, body=body, headers={"Content-Type": kind})

    def cut_upload(self, path: str, video: bytes) -> None:
        """Promise a form and hang up in its middle."""
        body, kind = make_form(video, {})
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT_S)
        try:
            connection.putrequest("POST", path)
            connection.putheader("Content-Type", kind)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[: len(body) // 2])
        finally:
            connection.close()


def make_form(video: bytes | None, fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Give a form's bytes and their Content-Type."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{name}"\r\n\r\n{text}\r\n'.encode() for name, text in fields.items()]
    if video is not None:
        parts += [f'{head}video"; filename="clip.mp4"\r\n\r\n'.encode(), video, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"

"""What clients promise to send and never do, against the real server: others find room all the same."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, end_service, run_service
from tests.service.conftest import curl

pytestmark = pytest.mark.service

SMALL_VOLUME = "; ".join(
    (
        "import shutil",
        "from types import SimpleNamespace",
        "usage = SimpleNamespace(total=3_000_000_000, used=200_000_000, free=2_800_000_000)",
        "shutil.disk_usage = lambda path: usage",
        "from chromi.service import web",
        "web()",
    )
)
"""The web server alone, on a volume of 3 GB as it finds."""
HEADERS = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Service]:
    service = run_service(tmp_path / "instance", {"trusted_proxy": "127.0.0.1"}, ("-c", SMALL_VOLUME))
    yield service
    end_service(service)


def promise(service: Service, request: str) -> socket.socket:
    """Send the headers of 100 MB from one address on the internet, and the first byte."""
    parts = urlsplit(service.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    head = f"{request} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 8.8.8.8\r\n{HEADERS}\r\n"
    connection.sendall(f"{head}Content-Length: 100000000\r\n\r\na".encode())
    return connection


def test_what_one_address_promises_closes_uploads_for_nobody(web: Service, clip: Path) -> None:
    with ExitStack() as stack:

        def promises(request: str) -> list[socket.socket]:
            return [stack.enter_context(closing(promise(web, request))) for _ in range(13)]

        pieces, forms = promises("PATCH /uploads/resumable/x"), promises("POST /uploads/")
        assert {connection.recv(12) for connection in pieces} == {b"HTTP/1.1 404"}
        assert {connection.recv(12) for connection in forms[7:]} == {b"HTTP/1.1 429"}
        stranger = ("-H", "X-Forwarded-For: 7.7.7.7", f"-Fvideo=@{clip}", "-o", "/dev/null")
        assert curl(*stranger, "-w", "%{http_code}", f"{web.url}/uploads/") == "201"

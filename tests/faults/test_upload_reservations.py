"""What clients promise to send and never do, against the real server: others find room all the same."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

SMALL_VOLUME = "; ".join(
    (
        "import gc, shutil",
        "gc.disable()",
        "from types import SimpleNamespace",
        "usage = SimpleNamespace(total=3_000_000_000, used=200_000_000, free=2_800_000_000)",
        "shutil.disk_usage = lambda path: usage",
        "from chromi.cli.serve import web",
        "web()",
    )
)
"""The web server alone, on a volume of 3 GB as it finds; what nobody lets go of stays."""
CHUNKS = "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
HEADERS = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    instance = tmp_path_factory.mktemp("web") / "instance"
    service = run_service(instance, {"trusted_proxy": "127.0.0.1"}, ("-c", SMALL_VOLUME))
    yield service
    end_service(service)


def promise(
    service: Service, request: str, address: str = "8.8.8.8", body: str = "Content-Length: 100000000\r\n\r\na"
) -> socket.socket:
    """Send the headers of 100 MB from one address on the internet, and the first byte."""
    parts = urlsplit(service.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    head = f"{request} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n{HEADERS}\r\n"
    connection.sendall((head + body).encode())
    return connection


def is_welcome(service: Service, address: str) -> bool:
    """True if another 100 MB would be taken from there; they are not sent."""
    asks = "Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n"
    with closing(promise(service, "POST /uploads/", address, asks)) as connection:
        return connection.recv(12) == b"HTTP/1.1 100"


def test_what_one_address_promises_closes_uploads_for_nobody(web: Service, clip: Path) -> None:
    with ExitStack() as stack:

        def promises(request: str) -> list[socket.socket]:
            return [stack.enter_context(closing(promise(web, request))) for _ in range(13)]

        pieces, forms = promises("PATCH /uploads/resumable/x"), promises("POST /uploads/")
        assert {connection.recv(12) for connection in pieces} == {b"HTTP/1.1 404"}
        assert {connection.recv(12) for connection in forms[7:]} == {b"HTTP/1.1 429"}
        stranger = ("-H", "X-Forwarded-For: 7.7.7.7", f"-Fvideo=@{clip}", "-o", "/dev/null")
        assert curl(*stranger, "-w", "%{http_code}", f"{web.url}/uploads/") == "201"


FEW = ("11.1.1.1", "11.1.1.2", "11.1.1.3", "11.1.1.4")


@pytest.mark.parametrize("first_byte", ["", "x"], ids=["without a byte", "with one"])
def test_uploads_that_a_few_begin_lock_nobody_out(web: Service, clip: Path, first_byte: str) -> None:
    parts = urlsplit(web.url)
    with closing(HTTPConnection(parts.netloc, timeout=20)) as connection:
        for address in FEW * 13:
            usual = {"X-Forwarded-For": address, "Tus-Resumable": "1.0.0"}
            connection.request("POST", "/uploads/resumable/", headers=usual | {"Upload-Length": "1000000"})
            created = connection.getresponse()
            created.read()
            if first_byte and created.status == 201:
                piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
                connection.request("PATCH", created.headers["Location"], first_byte, usual | piece)
                connection.getresponse().read()
    stranger = ("-H", f"X-Forwarded-For: 12.0.0.{len(first_byte)}", f"-Fvideo=@{clip}", "-o", "/dev/null")
    assert curl(*stranger, "-w", "%{http_code}", f"{web.url}/uploads/") == "201"


def test_a_promise_counts_from_its_first_byte_on(web: Service) -> None:
    address, no_byte = "4.4.4.4", "Content-Length: 100000000\r\n\r\n"
    with ExitStack() as stack:
        silent = [
            stack.enter_context(closing(promise(web, "POST /uploads/", address, no_byte))) for _ in range(13)
        ]
        assert is_welcome(web, address)
        for connection in silent:
            connection.sendall(b"a")
        wait_for(lambda: not is_welcome(web, address), "the promises to be known")
        answered, _, _ = select.select(silent, (), (), 5)
        assert {connection.recv(12) for connection in answered} == {b"HTTP/1.1 429"}


def test_promises_end_with_their_connections(web: Service) -> None:
    address = "1.1.1.1"
    with ExitStack() as stack:
        for _ in range(7):
            stack.enter_context(closing(promise(web, "POST /uploads/", address)))
        wait_for(lambda: not is_welcome(web, address), "the promises to be known")
    wait_for(lambda: is_welcome(web, address), "room for nobody who is there", timeout_s=5)


@pytest.mark.parametrize(
    ("address", "rest", "status"),
    [
        pytest.param("2.2.2.2", "1\r\na\r\n" * 20_000, b"HTTP/1.1 400", id="by the server"),
        pytest.param("3.3.3.3", "0\r\n\r\n", b"HTTP/1.1 415", id="by the application"),
    ],
)
def test_promises_end_with_their_refusal(web: Service, address: str, rest: str, status: bytes) -> None:
    with ExitStack() as stack:
        bodies = [
            stack.enter_context(closing(promise(web, "POST /uploads/", address, CHUNKS))) for _ in range(7)
        ]
        wait_for(lambda: not is_welcome(web, address), "the promises to be known")
        for connection in bodies:
            connection.sendall(rest.encode())
        assert {connection.recv(12) for connection in bodies} == {status}
        wait_for(lambda: is_welcome(web, address), "room for those who were refused", timeout_s=5)

"""Uploads that clients announce and never send do not block the uploads of other clients."""

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

WEB_ON_SMALL_VOLUME = "; ".join(
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
"""A web server without a consumer on a volume of 3 GB, without garbage collection of reference cycles."""
CHUNKED_BODY = "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
CHUNK_HEADERS = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    instance = tmp_path_factory.mktemp("web") / "instance"
    service = run_service(instance, {"trusted_proxy": "127.0.0.1"}, ("-c", WEB_ON_SMALL_VOLUME))
    yield service
    end_service(service)


def reserve(
    service: Service, request: str, address: str = "8.8.8.8", body: str = "Content-Length: 100000000\r\n\r\na"
) -> socket.socket:
    """Send the headers of a 100 MB body from a public address, and the first byte."""
    parts = urlsplit(service.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    head = f"{request} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n{CHUNK_HEADERS}\r\n"
    connection.sendall((head + body).encode())
    return connection


def can_upload(service: Service, address: str) -> bool:
    """Return whether another 100 MB would be accepted from this address."""
    expect = "Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n"
    with closing(reserve(service, "POST /uploads/", address, expect)) as connection:
        return connection.recv(12) == b"HTTP/1.1 100"


def test_reservations_of_one_address_do_not_block_others(web: Service, clip: Path) -> None:
    with ExitStack() as stack:

        def reserve_often(request: str) -> list[socket.socket]:
            return [stack.enter_context(closing(reserve(web, request))) for _ in range(13)]

        chunks, forms = reserve_often("PATCH /uploads/resumable/x"), reserve_often("POST /uploads/")
        assert {connection.recv(12) for connection in chunks} == {b"HTTP/1.1 404"}
        assert {connection.recv(12) for connection in forms[7:]} == {b"HTTP/1.1 429"}
        other_client = ("-H", "X-Forwarded-For: 7.7.7.7", f"-Fvideo=@{clip}", "-o", "/dev/null")
        assert curl(*other_client, "-w", "%{http_code}", f"{web.url}/uploads/") == "201"


FEW_ADDRESSES = ("11.1.1.1", "11.1.1.2", "11.1.1.3", "11.1.1.4")


@pytest.mark.parametrize("first_byte", ["", "x"], ids=["no byte", "one byte"])
def test_uploads_of_a_few_clients_do_not_block_others(web: Service, clip: Path, first_byte: str) -> None:
    parts = urlsplit(web.url)
    with closing(HTTPConnection(parts.netloc, timeout=20)) as connection:
        for address in FEW_ADDRESSES * 13:
            headers = {"X-Forwarded-For": address, "Tus-Resumable": "1.0.0"}
            connection.request("POST", "/uploads/resumable/", headers=headers | {"Upload-Length": "1000000"})
            response = connection.getresponse()
            response.read()
            if first_byte and response.status == 201:
                chunk_headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
                connection.request("PATCH", response.headers["Location"], first_byte, headers | chunk_headers)
                connection.getresponse().read()
    other_client = ("-H", f"X-Forwarded-For: 12.0.0.{len(first_byte)}", f"-Fvideo=@{clip}", "-o", "/dev/null")
    assert curl(*other_client, "-w", "%{http_code}", f"{web.url}/uploads/") == "201"


def test_reservation_counts_from_the_first_byte(web: Service) -> None:
    address, no_byte = "4.4.4.4", "Content-Length: 100000000\r\n\r\n"
    with ExitStack() as stack:
        silent = [
            stack.enter_context(closing(reserve(web, "POST /uploads/", address, no_byte))) for _ in range(13)
        ]
        assert can_upload(web, address)
        for connection in silent:
            connection.sendall(b"a")
        wait_for(lambda: not can_upload(web, address), "the reservations to be counted")
        responding, _, _ = select.select(silent, (), (), 5)
        assert {connection.recv(12) for connection in responding} == {b"HTTP/1.1 429"}


def test_reservation_ends_with_its_connection(web: Service) -> None:
    address = "1.1.1.1"
    with ExitStack() as stack:
        for _ in range(7):
            stack.enter_context(closing(reserve(web, "POST /uploads/", address)))
        wait_for(lambda: not can_upload(web, address), "the reservations to be counted")
    wait_for(lambda: can_upload(web, address), "the reservations to be released", timeout_s=5)


@pytest.mark.parametrize(
    ("address", "rest", "status"),
    [
        pytest.param("2.2.2.2", "1\r\na\r\n" * 20_000, b"HTTP/1.1 400", id="rejected-by-server"),
        pytest.param("3.3.3.3", "0\r\n\r\n", b"HTTP/1.1 415", id="rejected-by-application"),
    ],
)
def test_reservation_ends_with_its_rejection(web: Service, address: str, rest: str, status: bytes) -> None:
    with ExitStack() as stack:
        uploads = [
            stack.enter_context(closing(reserve(web, "POST /uploads/", address, CHUNKED_BODY)))
            for _ in range(7)
        ]
        wait_for(lambda: not can_upload(web, address), "the reservations to be counted")
        for connection in uploads:
            connection.sendall(rest.encode())
        assert {connection.recv(12) for connection in uploads} == {status}
        wait_for(lambda: can_upload(web, address), "the reservations to be released", timeout_s=5)

"""The server handles pipelining, clients that read nothing, and malformed framing."""

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psutil
import pytest

from chromi.db import Upload, database, open_database
from chromi.encoder import probe_video
from chromi.storage import Storage
from chromi.web.limits.upload_guard import RequestKind
from chromi.web.server.dispatcher import THREADS
from tests.support import raw_connections
from tests.support.resource_monitor import MAX_RESPONSE_S, measure_response_s
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl

pytestmark = pytest.mark.service

MB = 1_000_000
CHUNKED = b"POST /uploads/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

ERRORS = "Traceback|uncaptured python exception"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The web server alone."""
    service = run_service(tmp_path_factory.mktemp("web") / "instance", {}, ("-m", "chromi", "web"))
    curl(f"{service.url}/health/live")
    yield service
    end_service(service)
    assert not re.search(ERRORS, "".join(service.log))


def connect(service: Service) -> socket.socket:
    return raw_connections.connect(service, receive_bytes=4096)


def liveness_response_s(service: Service) -> float:
    return measure_response_s(f"{service.url}/health/live")


def test_pipelined_requests_close_after_first_response(web: Service) -> None:
    with closing(connect(web)) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        response = raw_connections.read_all(connection)
    assert response.count("HTTP/1.1 200 OK") == 1
    assert "Connection: close" in response


@pytest.mark.parametrize(
    "requests", [b"\r\n\r\n" * 16_384, b"G /\r\n\r\n" * 9_362], ids=["blank lines", "tiny requests"]
)
def test_only_the_first_of_many_requests_is_parsed(web: Service, requests: bytes) -> None:
    process = psutil.Process(web.process.pid)
    before = process.cpu_times().user
    for _ in range(5):
        with closing(connect(web)) as connection:
            connection.sendall(requests)
            assert raw_connections.read_until_reset(connection).count(b"HTTP/1.0 ") <= 1
    assert process.cpu_times().user - before < 0.5


def test_blank_lines_without_a_request_are_rejected(web: Service) -> None:
    with closing(raw_connections.connect(web, "", "")) as connection:
        assert raw_connections.read_all(connection).startswith("HTTP/1.0 400 ")


def test_blank_line_before_a_request_is_ignored(web: Service) -> None:
    lines = ("", "GET /health/live HTTP/1.1", "Host: x", "Connection: close", "")
    with closing(raw_connections.connect(web, *lines)) as connection:
        assert raw_connections.read_all(connection).startswith("HTTP/1.1 200 ")


@pytest.fixture
def large_path(web: Service, clip: Path) -> str:
    """The path of an uploaded clip of 40 MB."""
    open_database(web.instance)
    with database.connection_context():
        upload = Upload.create(length_bytes=40 * MB, info_json=probe_video(clip).to_dict())
    with Storage(web.instance).upload_path(upload.id).open("wb") as file:
        file.truncate(40 * MB)
    return f"/uploads/{upload.id}/video"


def test_unread_responses_occupy_no_thread(web: Service, large_path: str) -> None:
    two_requests = f"GET {large_path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 2
    with ExitStack() as stack:
        stalled = [stack.enter_context(closing(connect(web))) for _ in range(THREADS[RequestKind.QUICK] + 2)]
        for connection in stalled:
            connection.sendall(two_requests)
        for connection in stalled:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert liveness_response_s(web) < MAX_RESPONSE_S


def test_unread_responses_are_not_buffered_in_memory(web: Service) -> None:
    process = psutil.Process(web.process.pid)
    before = process.memory_info().rss
    requests = b"GET /static/css/app.css HTTP/1.1\r\nHost: x\r\n\r\n" * 1500
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(closing(connect(web))).sendall(requests)
        assert max(liveness_response_s(web) for _ in range(100)) < MAX_RESPONSE_S
        assert process.memory_info().rss - before < 20 * MB


TINY_CHUNKS = b"1\r\na\r\n" * 20_000
LARGE_TRAILER = b"0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 200


@pytest.mark.parametrize("body", [TINY_CHUNKS, LARGE_TRAILER], ids=["tiny chunks", "large trailer"])
def test_body_with_mostly_framing_is_rejected(web: Service, body: bytes) -> None:
    with closing(connect(web)) as connection:
        connection.sendall(CHUNKED + body)
        response = raw_connections.read_all(connection)
    assert response.startswith("HTTP/1.1 400 ")
    assert '"bad_request"' in response


def test_request_with_content_length_and_chunked_encoding_is_rejected(web: Service) -> None:
    """A proxy could interpret what follows as the request of another client (request smuggling)."""
    lines = ("POST /jobs/x/cancel HTTP/1.1", "Host: x", "Content-Length: 4", "Transfer-Encoding: chunked", "")
    with closing(
        raw_connections.connect(web, *lines, "0", "", "GET / HTTP/1.1", "Host: x", "")
    ) as connection:
        response = raw_connections.read_all(connection)
    assert response.startswith("HTTP/1.1 400 ")
    assert response.count("HTTP/1.1 ") == 1


@pytest.mark.parametrize("more", [(), ("Content-Length: 3", "", "abc")], ids=["no body", "body"])
def test_http_1_1_without_host_is_rejected(web: Service, more: tuple[str, ...]) -> None:
    with closing(raw_connections.connect(web, "GET /health/live HTTP/1.1", *more, "")) as connection:
        response = raw_connections.read_all(connection)
    assert response.startswith("HTTP/1.1 400 ")
    assert '"bad_request"' in response


def test_http_1_0_without_host_is_answered(web: Service) -> None:
    with closing(raw_connections.connect(web, "GET /health/live HTTP/1.0", "")) as connection:
        assert raw_connections.read_all(connection).startswith("HTTP/1.0 200 ")


def test_unknown_transfer_encoding_is_rejected(web: Service) -> None:
    lines = ("POST /uploads/ HTTP/1.1", "Host: x", "X-Request-Id: my-request", "Transfer-Encoding: gzip", "")
    with closing(raw_connections.connect(web, *lines)) as connection:
        response = raw_connections.read_all(connection)
    assert response.startswith("HTTP/1.1 501 ")
    assert '"bad_request"' in response
    assert "X-Request-Id: my-request" in response


def test_malformed_request_gets_a_request_id(web: Service) -> None:
    with closing(raw_connections.connect(web, "GET / HTTP/1.1", "Host: x", "no header", "")) as connection:
        response = raw_connections.read_all(connection)
    assert response.startswith("HTTP/1.0 400 ")
    assert re.search(r"^X-Request-Id: [0-9a-f]{16}\r$", response, re.MULTILINE)


@pytest.mark.parametrize(("url", "length"), [("http://[", "0"), ("/", "1" * 4301)], ids=["address", "length"])
def test_address_or_length_that_cannot_be_parsed_is_rejected(web: Service, url: str, length: str) -> None:
    lines = (f"GET {url} HTTP/1.1", "Host: x", f"Content-Length: {length}", "")
    with closing(raw_connections.connect(web, *lines)) as connection:
        assert raw_connections.read_all(connection).startswith("HTTP/1.1 400 ")


def test_upload_with_malformed_credentials_is_answered(web: Service) -> None:
    lines = ("POST /uploads/ HTTP/1.1", "Host: x", "Authorization: Basic \xe4", "Content-Length: 1")
    with closing(raw_connections.connect(web, *lines, "Connection: close", "", "x")) as connection:
        assert raw_connections.read_all(connection).startswith("HTTP/1.1 415 ")


def test_too_large_headers_are_rejected(web: Service) -> None:
    with closing(connect(web)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000)
        response = connection.recv(65_536)
    assert response.startswith(b"HTTP/1.0 431 ")
    assert b"Content-Security-Policy: default-src 'none'" in response


@pytest.mark.parametrize(
    "start",
    [
        b"G a://" + b"1" * 32_700 + b" X",
        b"G / HTTP/1.1\r\nX:" + b" " * 32_700 + b"\x01",
        b"G / HTTP/1.1\r\nX:" + b"\t" * 32_700 + b"y",
        b"G / HTTP/1.1\r\nX:" + b" \r\n" * 10_000 + b" y",
        b"G / HTTP/1.1\r\nCookie: x=" + b" " * 32_700 + b'"',
    ],
    ids=["request line", "spaces", "tabs", "continuation lines", "cookie"],
)
def test_headers_that_take_quadratic_time_are_rejected(web: Service, start: bytes) -> None:
    with closing(connect(web)) as connection:
        connection.settimeout(2)
        connection.sendall(start + b"\r\nHost: x\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.0 400 ")


@pytest.mark.parametrize(
    ("query", "cookie"),
    [("x" * 32_000, ""), ("", "x=y; " * 6_000), ("", f'x="{" " * 30}"')],
    ids=["long query string", "many cookies", "quoted spaces"],
)
def test_long_headers_are_accepted(web: Service, query: str, cookie: str) -> None:
    lines = (f"GET /health/live?{query} HTTP/1.1", "Host: x", f"Cookie: {cookie}", "Connection: close", "")
    with closing(raw_connections.connect(web, *lines)) as connection:
        assert raw_connections.read_all(connection).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["//uploads/", "uploads/", "/%2Fuploads/"])
def test_upload_is_recognized_with_any_leading_slashes(web: Service, path: str) -> None:
    """Any other form of 2 MB would be rejected before its body."""
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 2000000", "Expect: 100-continue", "")
    with closing(raw_connections.connect(web, *lines)) as connection:
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("length", "status"),
    [((), "200"), (("Content-Length: 0",), "200"), (("Content-Length: x",), "400")],
    ids=["no body", "empty body", "malformed length"],
)
def test_request_that_expects_continue_is_answered(
    web: Service, length: tuple[str, ...], status: str
) -> None:
    lines = ("GET /health/live HTTP/1.1", "Host: x", "Expect: 100-continue", "Connection: close", *length, "")
    with closing(raw_connections.connect(web, *lines)) as connection:
        assert raw_connections.read_all(connection).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize(
    "headers",
    [("Content-Length: 2000000",), ("Content-Length: 1", "Expect: 100-continue")],
    ids=["rejected body", "expected continue"],
)
def test_reset_before_the_response_is_no_error(web: Service, headers: tuple[str, ...]) -> None:
    """Many, because the server must read the request just before it is reset."""
    for _ in range(50):
        lines = ("POST /jobs/x/cancel HTTP/1.1", "Host: x", *headers, "")
        with closing(raw_connections.connect(web, *lines)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(3):  # meanwhile, the event loop tries to send the responses
        curl(f"{web.url}/health/live")
    assert not re.search(ERRORS, "".join(web.log))

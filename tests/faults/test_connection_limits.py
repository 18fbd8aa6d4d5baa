"""A client that opens many connections or sends slow requests does not delay other clients."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from chromi.web.server.channel import MAX_CONNECTIONS_PER_CLIENT
from tests.support import malicious_files, raw_connections
from tests.support.resource_monitor import MAX_RESPONSE_S
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl_json
from tests.support.service_database import add_result
from tests.support.upload_requests import upload_body
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

WEB_WITH_SHORT_TIMEOUTS = "; ".join(
    (
        "from chromi.encoder.source import mp4_index_check, probe",
        "mp4_index_check.MAX_EDITS, probe.PROBE_TIMEOUT_S = 10**9, 3.0",
        "from chromi.web.server import connection_timer",
        "connection_timer.REQUEST_TIMEOUT_S = 3.0",
        "from chromi.cli.serve import web",
        "web()",
    )
)
"""A web server without a consumer, with 3 s for a form and for probing, and any number of MP4 edits."""
ATTACKER, VISITOR, OFFICE = "1.1.1.1", "2.2.2.2", "3.3.3.3"
MAX_CONNECTIONS = 500


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    instance = tmp_path_factory.mktemp("web") / "instance"
    service = run_service(instance, {"trusted_proxy": "127.0.0.1"}, ("-c", WEB_WITH_SHORT_TIMEOUTS))
    yield service
    end_service(service)
    assert "Traceback" not in "".join(service.log)


Connect = Callable[..., socket.socket]


@pytest.fixture
def connect(web: Service) -> Iterator[Connect]:
    """Open connections and send a request's headers with a client address in X-Forwarded-For."""
    with ExitStack() as connections:

        def connect(
            address: str, line: str, *headers: str, receive_bytes: int | None = None
        ) -> socket.socket:
            first = (f"{line} HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {address}")
            connection = raw_connections.connect(web, *first, *headers, "", receive_bytes=receive_bytes)
            return connections.enter_context(connection)

        yield connect


def form_headers(length_bytes: int) -> tuple[str, str]:
    return "Content-Type: multipart/form-data; boundary=x", f"Content-Length: {length_bytes}"


def measure_liveness_s(service: Service) -> float:
    """Return the seconds that /health/live takes."""
    started_at = time.monotonic()
    connection = HTTPConnection(str(urlsplit(service.url).hostname), urlsplit(service.url).port, timeout=10)
    with closing(connection):
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
    return time.monotonic() - started_at


def send_zeros(connection: socket.socket, count_bytes: int) -> None:
    with suppress(OSError):  # the server has closed the connection
        connection.send(bytes(count_bytes))


# -- connections -----------------------------------------------------------------------------------------


def test_slowly_sent_forms_do_not_block_other_clients(web: Service, connect: Connect) -> None:
    request_line = "POST /jobs/" + "0" * 32 + "/cancel"
    slow_forms = [
        connect(ATTACKER, request_line, *form_headers(900_000)) for _ in range(MAX_CONNECTIONS + 20)
    ]
    slowest_s, started_at = 0.0, time.monotonic()
    while not all(raw_connections.is_closed(connection) for connection in slow_forms):
        for connection in slow_forms:
            send_zeros(connection, 2500)
        slowest_s = max(slowest_s, measure_liveness_s(web))
        assert time.monotonic() < started_at + 15, "a slow form is still connected"
    assert slowest_s < MAX_RESPONSE_S


def test_client_with_many_connections_does_not_block_other_clients(web: Service, connect: Connect) -> None:
    job_id, _ = add_result(web, 8_000_000)
    download = "GET " + curl_json(f"{web.url}/jobs/{job_id}/")["converted_url"]
    slow_download = connect(VISITOR, download, receive_bytes=4096)
    slow_upload = connect(VISITOR, "POST /uploads/", *form_headers(1_000_000))
    for _ in range(MAX_CONNECTIONS + 20):
        connect(ATTACKER, download, receive_bytes=4096)
    slowest_s, started_at = 0.0, time.monotonic()
    while time.monotonic() < started_at + 3:
        slowest_s = max(slowest_s, measure_liveness_s(web))
        slow_upload.sendall(bytes(500))  # 5 kB/s: the slowest of all, but its client has few connections
        assert slow_download.recv(500), "a slow download was closed"
        time.sleep(0.1)
    office = [connect(OFFICE, "GET /health/live") for _ in range(60)]
    assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in office)
    assert slow_download.recv(500)
    assert not raw_connections.is_closed(slow_upload)
    assert slowest_s < MAX_RESPONSE_S
    assert MAX_CONNECTIONS_PER_CLIENT <= count_connections(web) < MAX_CONNECTIONS, (
        "too many or too few closed"
    )


def count_connections(service: Service) -> int:
    return sum(bool(each.raddr) for each in psutil.Process(service.process.pid).net_connections())


# -- threads that probe uploads ---------------------------------------------------------------------------


def test_slow_probes_of_one_client_do_not_delay_other_clients(
    web: Service, connect: Connect, clip: Path
) -> None:
    """ffmpeg reads an edit list of 100,000 entries from the start for each entry."""
    slow_body = upload_body(malicious_files.edited_times(clip.read_bytes(), 1000, 0, 100_000))
    slow_uploads = [connect(ATTACKER, "POST /uploads/", *form_headers(len(slow_body))) for _ in range(6)]
    for connection in slow_uploads:
        connection.sendall(slow_body)
    wait_for(lambda: psutil.Process(web.process.pid).children(), "a probe to start")
    started_at, body = time.monotonic(), upload_body(clip.read_bytes())
    connection = connect(VISITOR, "POST /uploads/", *form_headers(len(body)))
    connection.sendall(body)
    assert connection.recv(12) == b"HTTP/1.1 201"
    assert time.monotonic() - started_at < MAX_RESPONSE_S
    assert not all(has_response(connection) for connection in slow_uploads[1:]), "the probes were not slow"


def has_response(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return False

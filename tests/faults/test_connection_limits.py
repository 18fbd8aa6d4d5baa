"""One client that takes all it can get, be it places or time: nobody else notices."""

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
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

IMPATIENT = "; ".join(
    (
        "from chromi.encoder.source import mp4_index, probe",
        "mp4_index.MAX_EDITS, probe.PROBE_TIMEOUT_S = 10**9, 3.0",
        "from chromi.web.server import timeouts",
        "timeouts.REQUEST_TIMEOUT_S = 3.0",
        "from chromi.cli.serve import web",
        "web()",
    )
)
"""The web server alone: three seconds for a form and for a look at an upload, whatever edits it lists."""
GREEDY, HONEST, OFFICE = "1.1.1.1", "2.2.2.2", "3.3.3.3"
PLACES = 500


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    instance = tmp_path_factory.mktemp("web") / "instance"
    service = run_service(instance, {"trusted_proxy": "127.0.0.1"}, ("-c", IMPATIENT))
    yield service
    end_service(service)
    assert "Traceback" not in "".join(service.log)


Connect = Callable[..., socket.socket]


@pytest.fixture
def connect(web: Service) -> Iterator[Connect]:
    """Open connections that send a request's headers, each from the address that a trusted proxy names."""
    with ExitStack() as opened:

        def connect(
            address: str, line: str, *headers: str, receive_bytes: int | None = None
        ) -> socket.socket:
            usual = (f"{line} HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {address}")
            connection = raw_connections.connect(web, *usual, *headers, "", receive_bytes=receive_bytes)
            return opened.enter_context(connection)

        yield connect


def upload_headers(length: int) -> tuple[str, str]:
    return "Content-Type: multipart/form-data; boundary=x", f"Content-Length: {length}"


def live_s(service: Service) -> float:
    """Seconds that /health/live takes."""
    began_at = time.monotonic()
    connection = HTTPConnection(str(urlsplit(service.url).hostname), urlsplit(service.url).port, timeout=10)
    with closing(connection):
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
    return time.monotonic() - began_at


def send(connection: socket.socket, count_bytes: int) -> None:
    with suppress(OSError):  # cut
        connection.send(bytes(count_bytes))


# -- places ----------------------------------------------------------------------------------------------


def test_forms_that_drip_lock_nobody_out(web: Service, connect: Connect) -> None:
    cancel = "POST /jobs/" + "0" * 32 + "/cancel"
    drips = [connect(GREEDY, cancel, *upload_headers(900_000)) for _ in range(PLACES + 20)]
    slowest_s, began_at = 0.0, time.monotonic()
    while not all(raw_connections.is_closed(connection) for connection in drips):
        for connection in drips:
            send(connection, 2500)
        slowest_s = max(slowest_s, live_s(web))
        assert time.monotonic() < began_at + 15, "a form that drips lives on"
    assert slowest_s < MAX_RESPONSE_S


def test_who_takes_all_places_pushes_out_only_itself(web: Service, connect: Connect) -> None:
    job_id, _ = add_result(web, 8_000_000)
    download = "GET " + curl_json(f"{web.url}/jobs/{job_id}/")["converted_url"]
    read = connect(HONEST, download, receive_bytes=4096)
    sent = connect(HONEST, "POST /uploads/", *upload_headers(1_000_000))
    for _ in range(PLACES + 20):
        connect(GREEDY, download, receive_bytes=4096)
    slowest_s, began_at = 0.0, time.monotonic()
    while time.monotonic() < began_at + 3:
        slowest_s = max(slowest_s, live_s(web))
        sent.sendall(bytes(500))  # 5 kB/s: the slowest of all, but one of a few
        assert read.recv(500), "a slow reader was cut"
        time.sleep(0.1)
    office = [connect(OFFICE, "GET /health/live") for _ in range(60)]
    assert all(connection.recv(12) == b"HTTP/1.1 200" for connection in office)
    assert read.recv(500)
    assert not raw_connections.is_closed(sent)
    assert slowest_s < MAX_RESPONSE_S
    assert MAX_CONNECTIONS_PER_CLIENT <= places_taken(web) < PLACES, "cut for nothing, or not at all"


def places_taken(service: Service) -> int:
    return sum(bool(each.raddr) for each in psutil.Process(service.process.pid).net_connections())


# -- the threads that look at uploads --------------------------------------------------------------------


def test_slow_looks_at_the_uploads_of_one_keep_nobody_waiting(
    web: Service, connect: Connect, clip: Path
) -> None:
    """An edit list of 100,000 entries, each of which ffmpeg looks up from the start."""
    slow = clip_form(malicious_files.edited_times(clip.read_bytes(), 1000, 0, 100_000))
    bad = [connect(GREEDY, "POST /uploads/", *upload_headers(len(slow))) for _ in range(6)]
    for connection in bad:
        connection.sendall(slow)
    wait_for(lambda: psutil.Process(web.process.pid).children(), "a look at one of them")
    began_at, good = time.monotonic(), clip_form(clip.read_bytes())
    connection = connect(HONEST, "POST /uploads/", *upload_headers(len(good)))
    connection.sendall(good)
    assert connection.recv(12) == b"HTTP/1.1 201"
    assert time.monotonic() - began_at < MAX_RESPONSE_S
    assert not all(is_answered(connection) for connection in bad[1:]), "they were not slow"


def clip_form(content: bytes) -> bytes:
    head = '--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    return head.encode() + content + b"\r\n--x--\r\n"


def is_answered(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return False

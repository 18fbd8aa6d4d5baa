"""Slow and stalled clients are disconnected and do not delay other clients."""

import socket
import time
from contextlib import ExitStack, closing, suppress
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.raw_connections import connect, is_closed, read_until_reset
from tests.support.resource_monitor import MAX_RESPONSE_S, measure_response_s
from tests.support.running_service import Service
from tests.support.service_client import curl_json
from tests.support.service_database import add_result
from tests.support.upload_requests import upload_head
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

LARGE_BYTES = 40_000_000


@pytest.fixture
def large_url(limited_web: Service) -> str:
    """The URL of a result of 40 MB."""
    job_id, _ = add_result(limited_web, LARGE_BYTES)
    url: str = curl_json(f"{limited_web.url}/jobs/{job_id}/")["converted_url"]
    return url


def measure_health_s(service: Service) -> float:
    """Return the seconds that /health/ takes, whatever its status."""
    return measure_response_s(f"{service.url}/health/")


def test_slow_clients_are_disconnected_and_do_not_delay_others(limited_web: Service) -> None:
    with ExitStack() as stack:

        def open_connection(*lines: str) -> socket.socket:
            return stack.enter_context(closing(connect(limited_web, *lines)))

        senders = [open_connection("GET / HTTP/1.1", f"X-{number}: a") for number in range(150)]
        senders.append(open_connection(*upload_head("/convert/", "Content-Length: 1000000")))
        started_at, slowest_s = time.monotonic(), 0.0
        connections = [*senders, open_connection()]  # the last one sends nothing at all
        while not all(is_closed(connection) for connection in connections):
            for sender in senders:
                send_one_byte(sender)
            slowest_s = max(slowest_s, measure_health_s(limited_web))
            assert time.monotonic() < started_at + 15, "a slow client is still connected"
    assert slowest_s < MAX_RESPONSE_S
    assert time.monotonic() > started_at + 1.5, "closed before the timeout"


def send_one_byte(connection: socket.socket) -> None:
    with suppress(OSError):  # the server has closed the connection
        connection.setblocking(True)
        connection.send(b"a")


def test_connections_above_the_limit_are_closed(limited_web: Service) -> None:
    with ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(closing(connect(limited_web)))
        assert measure_health_s(limited_web) < MAX_RESPONSE_S


def test_stalled_downloads_are_disconnected_and_do_not_block_others(
    limited_web: Service, large_url: str
) -> None:
    lines = (f"GET {large_url} HTTP/1.1", "Host: localhost", "Range: bytes=0-", "")
    with ExitStack() as stack:
        stalled = [
            stack.enter_context(closing(connect(limited_web, *lines, receive_bytes=4096))) for _ in range(8)
        ]
        for connection in stalled:
            assert connection.recv(20).startswith(b"HTTP/1.1 206")
        assert measure_health_s(limited_web) < MAX_RESPONSE_S
        wait_for(lambda: not has_clients(limited_web), "the server to close the downloads", timeout_s=10)
        assert len(read_until_reset(stalled[0])) < LARGE_BYTES


def has_clients(service: Service) -> bool:
    """Return whether the web server has an open connection from a client."""
    port = urlsplit(service.url).port
    connections = psutil.Process(service.process.pid).net_connections()
    return any(each.laddr.port == port and each.raddr for each in connections)


def test_slow_but_steady_download_continues(limited_web: Service, large_url: str) -> None:
    """It reads at most 400 kB/s for longer than the timeout."""
    lines = (f"GET {large_url} HTTP/1.1", "Host: localhost", "")
    with closing(connect(limited_web, *lines, receive_bytes=4096)) as connection:
        started_at, read_bytes = time.monotonic(), 0
        while (elapsed_s := time.monotonic() - started_at) < 3.5:
            read_bytes += len(connection.recv(8192))
            if read_bytes > 400_000 * elapsed_s:
                time.sleep(0.02)
        assert connection.recv(8192), f"closed after {read_bytes} bytes"

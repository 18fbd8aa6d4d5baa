"""After SIGTERM, the web server answers the requests that have begun to arrive."""

import signal
from pathlib import Path

import pytest

from tests.support.nodes import run_web
from tests.support.raw_connections import connect, read_all
from tests.support.running_service import end_service, run_service

pytestmark = pytest.mark.service

PATIENT_WEB = "; ".join(
    (
        "from chromi.web.server import event_loop",
        "event_loop.STOP_TIMEOUT_S = 300",
        "from chromi.cli.serve import web",
        "web()",
    )
)
BUSY_WEB = """
import time
from waitress.task import WSGITask
from chromi.cli.serve import web

service = WSGITask.service
def service_and_pause(task):
    service(task)
    time.sleep(0.5)

WSGITask.service = service_and_pause
web()
"""
"""Its threads continue for a while after they have sent a response."""
REQUEST_LINE = "GET /health/live HTTP/1.1"


def test_request_that_has_begun_is_answered_after_sigterm(tmp_path: Path) -> None:
    with (
        run_web(tmp_path / "instance", {}) as service,
        connect(service, REQUEST_LINE, "Host: localhost", "") as connection,
    ):
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(f"{REQUEST_LINE}\r\n".encode())
        service.process.send_signal(signal.SIGTERM)
        connection.sendall(b"Host: localhost\r\nConnection: close\r\n\r\n")
        assert read_all(connection).endswith('{"status":"ok"}\n')
        assert service.process.wait(30) == 0


def test_next_request_of_a_connection_is_answered_after_sigterm(tmp_path: Path) -> None:
    service = run_service(tmp_path / "instance", {}, ("-c", BUSY_WEB))
    try:
        with connect(service, REQUEST_LINE, "Host: localhost", "") as connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            connection.sendall(f"{REQUEST_LINE}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            service.process.send_signal(signal.SIGTERM)
            assert read_all(connection).endswith('{"status":"ok"}\n')
            assert service.process.wait(30) == 0
    finally:
        end_service(service)


def test_idle_connection_does_not_delay_the_end(tmp_path: Path) -> None:
    service = run_service(tmp_path / "instance", {}, ("-c", PATIENT_WEB))
    try:
        with connect(service, REQUEST_LINE, "Host: localhost", "") as connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            assert service.stop(timeout_s=60) == 0
    finally:
        end_service(service)

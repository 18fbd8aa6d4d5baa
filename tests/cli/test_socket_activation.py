"""With a socket from systemd, a restart delays requests but fails none."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.service_client import curl
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

START = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
"""What systemd does: it passes the socket as descriptor 3 and names the process that it is meant for."""


@contextmanager
def run_on(listener: socket.socket, instance: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the service on this socket until it is terminated, and expect it to end cleanly."""
    number = listener.fileno()
    service = subprocess.Popen(
        ["bash", "-c", START, str(number), sys.executable, "-m", "chromi", "serve"],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(instance), "CHROMI_PORT": "1"},
        pass_fds=[number],
    )
    try:
        yield service
        service.terminate()
        assert service.wait(60) == 0
    finally:
        service.kill()


def test_no_request_fails_while_the_service_restarts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/health/live"
        answers: list[str] = []
        is_over = threading.Event()

        def send_requests() -> None:
            while not is_over.is_set():
                answers.append(curl("-o", os.devnull, "-w", "%{http_code}", url))

        client = threading.Thread(target=send_requests)
        client.start()
        try:
            with run_on(listener, tmp_path / "instance"):
                wait_for(lambda: len(answers) > 5, "responses", timeout_s=60)
        finally:
            with run_on(listener, tmp_path / "instance"):
                is_over.set()
                client.join()
        assert set(answers) == {"200"}

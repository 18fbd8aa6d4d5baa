"""A real S3 server on a free port: rclone, which stores each bucket in a folder."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.waiting import wait_for

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "an-access-key", "AWS_SECRET_ACCESS_KEY": "a-secret-access-key"}
RCLONE = Path(sys.executable).with_name("rclone")


@dataclass
class S3Server:
    """A server that a test may stop and start. Its files stay."""

    folder: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def create_bucket(self) -> str:
        """Create an empty bucket and return its URL. Clients need CREDENTIALS in their environment."""
        name = f"bucket-{secrets.token_hex(6)}"
        (self.folder / name).mkdir()
        return self.url(name)

    def url(self, bucket: str) -> str:
        return f"s3://{bucket}?endpoint=http://127.0.0.1:{self.port}&region=us-east-1"

    def start(self) -> None:
        keys = ",".join(CREDENTIALS.values())
        self._process = subprocess.Popen(
            [
                *(RCLONE, "serve", "s3", self.folder, f"--addr=127.0.0.1:{self.port}"),
                *(f"--auth-key={keys}", "--dir-cache-time=0s"),
            ],
            env=os.environ | {"RCLONE_CONFIG": os.devnull},
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._listens, "rclone to start")

    def stop(self) -> None:
        assert self._process
        processes = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children()]
        for process in processes:
            process.kill()
        self._process.wait(20)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def run_s3() -> Iterator[S3Server]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="chromi-s3-") as folder:
        server = S3Server(Path(folder), port)
        server.start()
        try:
            yield server
        finally:
            server.stop()

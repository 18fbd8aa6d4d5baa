"""A real S3 server on a free port: rclone, which stores each bucket in a folder."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.ports import find_free_port
from tests.support.waiting import wait_for

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "an-access-key", "AWS_SECRET_ACCESS_KEY": "a-secret-access-key"}
BUCKET_COUNT = 20
RCLONE = Path(sys.executable).with_name("rclone")


@dataclass
class S3Server:
    """A server that a test may stop and start. Its files stay."""

    folder: Path
    port: int
    _unused_buckets: list[str] = field(default_factory=list, repr=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def take_bucket(self) -> str:
        """Return the URL of an empty bucket. Clients need CREDENTIALS in their environment."""
        return self.url(self._unused_buckets.pop())

    def url(self, bucket: str) -> str:
        return f"s3://{bucket}?endpoint=http://127.0.0.1:{self.port}&region=us-east-1"

    def create_buckets(self) -> None:
        """Create buckets before the server starts, which then need not look for new ones at each request."""
        self._unused_buckets = [f"bucket-{number}" for number in range(BUCKET_COUNT)]
        for name in self._unused_buckets:
            (self.folder / name).mkdir()

    def start(self) -> None:
        keys = ",".join(CREDENTIALS.values())
        self._process = subprocess.Popen(
            [
                *(RCLONE, "serve", "s3", self.folder, f"--addr=127.0.0.1:{self.port}"),
                f"--auth-key={keys}",
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
    port = find_free_port()
    with tempfile.TemporaryDirectory(prefix="chromi-s3-") as folder:
        server = S3Server(Path(folder), port)
        server.create_buckets()
        server.start()
        try:
            yield server
        finally:
            server.stop()

"""A real Redis server on a free port, without files."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
import redis

from tests.support.ports import find_free_port
from tests.support.waiting import wait_for

PASSWORD = "a-redis-password"


@dataclass
class RedisServer:
    """A server that a test may stop and start. It forgets everything when it stops."""

    port: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def url(self, database: int = 0, *, password: str = PASSWORD) -> str:
        return f"redis://:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = ("--save", "", "--bind", "127.0.0.1", "--requirepass", PASSWORD)
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), *options], stdout=subprocess.DEVNULL
        )
        wait_for(self._responds, "Redis to start")

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(20)

    def clear(self) -> str:
        """Delete everything and return the URL."""
        with redis.Redis.from_url(self.url()) as client:
            client.flushall()
        return self.url()

    def _responds(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url()) as client:
            return bool(client.ping())
        return False


@contextmanager
def run_redis() -> Iterator[RedisServer]:
    """Run a server until the end of the block. Skips the test without Redis, or fails it in CI."""
    if not shutil.which("redis-server"):
        reason = "redis-server is missing: apt-get install redis-server"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    server = RedisServer(find_free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()

"""Fixtures shared by several fault tests: an instance with consumers, and a web server with low limits."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chromi.db import database_connection
from tests.support.consumers import run_consumer
from tests.support.open_instance import OpenInstance, open_instance
from tests.support.running_service import Service, end_service, run_service
from tests.support.s3_server import CREDENTIALS, S3Server

WEB_WITH_SHORT_TIMEOUTS = "; ".join(
    (
        "from chromi.web.server import connection_timer",
        "connection_timer.REQUEST_TIMEOUT_S = connection_timer.WINDOW_S = 2.0",
        "connection_timer.LOADED_TIMEOUT_S = 1.0",
        "from chromi.cli.serve import web",
        "web()",
    )
)
"""A web server without a consumer. Its timeouts are 1 or 2 s instead of 20 or 60 s."""

StartConsumer = Callable[..., "subprocess.Popen[bytes]"]


ON_EACH_ENGINE = pytest.mark.parametrize("instance", ["sqlite", "redis"], indirect=True)
"""Runs a test with the embedded database and queue, and with PostgreSQL and Redis."""


@pytest.fixture
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenInstance]:
    """An instance folder without a web server, with an open connection to its database.

    It has the embedded database and queue, unless the test runs ON_EACH_ENGINE. Tests do that if what they
    prove depends on the engine: tasks, leases and rows that several processes change.
    """
    has_servers = getattr(request, "param", "sqlite") == "redis"
    servers = request.getfixturevalue("redis_settings") if has_servers else {}
    with open_instance(tmp_path / "instance", **servers) as instance, database_connection():
        yield instance


@pytest.fixture
def start_consumer(instance: OpenInstance) -> Iterator[StartConsumer]:
    """Start consumers as an operator does. `behavior` is what a fake worker does instead of converting."""
    with ExitStack() as consumers:

        def start(behavior: str = "", **options: int) -> "subprocess.Popen[bytes]":
            module = "tests.support.fake_worker" if behavior else "worker"
            return consumers.enter_context(
                run_consumer(instance.folder, module, behavior=behavior, environ=instance.environ, **options)
            )

        yield start


@pytest.fixture
def servers(redis_settings: dict[str, str], s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings that several machines share."""
    for name, text in CREDENTIALS.items():
        monkeypatch.setenv(name, text)
    return redis_settings | {
        "storage_url": s3.take_bucket(),
        "trusted_proxy": "127.0.0.1",
        "jobs_per_hour": "100000",
        "uploads_per_hour": "100000",
        "max_queue": "1000",
    }


@pytest.fixture(scope="module")
def limited_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A web server without a consumer: short timeouts, uploads of up to 2 MB, a queue of 2 jobs."""
    settings = {"max_upload_mb": "2", "max_queue": "2", "max_uploads": "30", "trusted_proxy": "127.0.0.1"}
    instance = tmp_path_factory.mktemp("web") / "instance"
    service = run_service(instance, settings, ("-c", WEB_WITH_SHORT_TIMEOUTS))
    yield service
    end_service(service)
    assert "Traceback" not in "".join(service.log)

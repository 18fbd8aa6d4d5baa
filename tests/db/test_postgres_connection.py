"""Connections to PostgreSQL end when the server vanishes, and are opened in a way that PgBouncer allows."""

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chromi.config import Settings
from chromi.db import database, database_connection, open_database, postgres_connection
from chromi.db.connection import configure_database
from chromi.jobs.queue_engines import open_engine
from tests.support.flaky_proxy import FlakyProxy
from tests.support.postgres_server import PostgresServer

pytestmark = pytest.mark.slow

Connection = psycopg.Connection[Any]
Connect = Callable[[str, Path], AbstractContextManager[Connection]]


@contextmanager
def connect_database(url: str, folder: Path) -> Iterator[Connection]:
    open_database(folder, url)
    try:
        with database_connection():
            yield database.connection()
    finally:
        configure_database(folder, "")


@contextmanager
def connect_queue(url: str, folder: Path) -> Iterator[Connection]:
    settings = Settings(instance=folder, database_url=url, secret_key="a key for all machines")
    storage: Any = open_engine(settings).create_storage("queue")
    yield storage.conn
    storage.close()


ON_EACH_CONNECTION = pytest.mark.parametrize("connect", [connect_database, connect_queue])


@ON_EACH_CONNECTION
def test_statements_are_limited_without_a_startup_parameter(
    connect: Connect, postgres_url: str, tmp_path: Path
) -> None:
    """PgBouncer rejects a connection with `options`."""
    with connect(postgres_url, tmp_path) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10s",)
        assert "options" not in connection.info.get_parameters()


@pytest.mark.parametrize("is_idle", [True, False])
@ON_EACH_CONNECTION
def test_connection_ends_when_the_server_vanishes(
    connect: Connect,
    is_idle: bool,
    postgres: PostgresServer,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Waiting for an answer is like being idle: nothing that was sent lacks an acknowledgment."""
    in_one_second = {name: 1 for name in postgres_connection.TCP_TIMEOUTS} | {"tcp_user_timeout": 1000}
    monkeypatch.setattr(postgres_connection, "TCP_TIMEOUTS", in_one_second)
    with FlakyProxy(postgres_url) as proxy:
        url = postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/")
        with connect(url, tmp_path) as connection:
            proxy.vanish()
            started_at = time.monotonic()
            give_up = threading.Timer(6, proxy.reset_connections)
            give_up.start()
            if is_idle:
                select.select([connection.fileno()], [], [])
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
            assert time.monotonic() - started_at < 5
            give_up.cancel()
            assert connection.closed

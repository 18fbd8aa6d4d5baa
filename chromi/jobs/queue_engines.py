"""The engines that hold the queues' messages: SQLite, Redis and PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from huey.storage import BaseStorage, PostgresStorage, RedisStorage, SqliteStorage

from chromi.config import Settings
from chromi.db import retry_on_lock
from chromi.db.postgres_connection import connection_parameters, open_connection
from chromi.db.sqlite_database import LOCK_TIMEOUT_S
from chromi.errors import ConfigError, ServiceUnhealthy
from chromi.server_urls import POSTGRES_SCHEMES
from chromi.startup import SCHEMA_LOCK, is_postgres_rejection, wait_until_available

if TYPE_CHECKING:
    import redis

CONNECT_TIMEOUT_S = 5
REDIS_HEALTH_CHECK_S = 30
"""A connection that was idle for longer is checked before it is used."""
REDIS_RETRIES = 3


@dataclass(frozen=True)
class QueueEngine:
    """Where messages are stored. No method blocks until a message arrives."""

    create_storage: Callable[[str], BaseStorage]
    """Create the storage of the queue with this name."""
    errors: tuple[type[Exception], ...]
    """What its storages raise if the engine is unavailable."""
    check: Callable[[], None] = lambda: None
    """Raise ServiceUnhealthy if the engine may lose messages."""


def open_engine(settings: Settings) -> QueueEngine:
    """Return the engine at `queue_url`, by default the database. Raises ConfigError and ServiceUnhealthy."""
    url = settings.queue_url or settings.database_url
    if not url:
        return _open_sqlite(settings.instance / "queue.db")
    return _open_postgres(url) if urlsplit(url).scheme in POSTGRES_SCHEMES else _open_redis(url)


def _open_sqlite(path: Path) -> QueueEngine:
    def create(name: str, **options: Any) -> BaseStorage:
        # With fsync, a message is on disk when enqueue() returns.
        return SqliteStorage(name, str(path), fsync=True, **options)

    # SQLite itself does not wait for a lock when it switches a new file to WAL mode.
    retry_on_lock(lambda: create("chromi").close(), timeout_s=LOCK_TIMEOUT_S)
    return QueueEngine(lambda name: create(name, create_tables=False), (sqlite3.OperationalError,))


def _open_postgres(url: str) -> QueueEngine:
    parameters = connection_parameters(url, "CHROMI_QUEUE_URL")
    import psycopg

    def connect() -> psycopg.Connection[Any]:
        return open_connection(**parameters)

    def create(name: str, **options: Any) -> BaseStorage:
        return PostgresStorage(name, connection=connect, blocking=False, **options)

    def create_tables() -> None:
        # CREATE TABLE IF NOT EXISTS fails if two processes run it at the same time.
        with connect() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
            create("chromi").close()

    wait_until_available(
        create_tables,
        f"The queue on {_location(url)}",
        errors=(psycopg.Error,),
        is_final=lambda error: isinstance(error, psycopg.ProgrammingError) or is_postgres_rejection(error),
        describe=lambda error: str(error).partition("\n")[0],  # the other lines repeat the statement
    )
    return QueueEngine(lambda name: create(name, create_tables=False), (psycopg.Error,))


def _open_redis(url: str) -> QueueEngine:
    try:
        import redis
    except ImportError as error:
        raise ConfigError("A Redis queue requires redis: see docs/scaling.md.") from error
    pool = _create_redis_pool(url)
    client = redis.Redis(connection_pool=pool)

    def check() -> None:
        memory: Any = client.info("memory")
        if memory["maxmemory"] and memory["maxmemory_policy"] != "noeviction":
            raise ServiceUnhealthy("Redis may evict queued jobs. Set maxmemory-policy to noeviction.")

    wait_until_available(
        client.ping,
        f"The queue on {_location(url)}",
        errors=(redis.RedisError,),
        is_final=lambda error: isinstance(error, (redis.AuthenticationError, redis.ResponseError)),
        describe=lambda error: (
            "its password is missing or wrong"
            if isinstance(error, redis.AuthenticationError) or "AUTH" in str(error)
            else str(error)
        ),
    )
    storage: Callable[[str], BaseStorage] = lambda name: RedisStorage(  # noqa: E731
        name, blocking=False, connection_pool=pool
    )
    return QueueEngine(storage, (redis.RedisError,), check)


def _create_redis_pool(url: str) -> redis.ConnectionPool:
    """Return a pool of connections to the URL, none of which is open yet. Raises ConfigError."""
    import redis
    from redis.backoff import ExponentialBackoff
    from redis.retry import Retry

    try:
        pool = redis.ConnectionPool.from_url(
            url,
            retry=Retry(ExponentialBackoff(cap=1, base=0.1), REDIS_RETRIES),
            retry_on_error=[redis.ConnectionError, redis.TimeoutError],
            health_check_interval=REDIS_HEALTH_CHECK_S,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=CONNECT_TIMEOUT_S,
        )
        pool.connection_class(**pool.connection_kwargs)  # raises what is wrong with the options
    except (TypeError, ValueError) as error:
        raise ConfigError(f"CHROMI_QUEUE_URL has an option that Redis does not accept: {error}.") from error
    return pool


def _location(url: str) -> str:
    """Return a URL's host and port, without its credentials."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

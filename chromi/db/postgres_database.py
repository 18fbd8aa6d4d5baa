"""The database for several machines: PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from peewee import Model, OperationalError, Psycopg3Adapter, fn
from playhouse.pool import PooledPostgresqlDatabase

from chromi.db.postgres_connection import CONNECT_TIMEOUT_S, connection_parameters, open_connection
from chromi.startup import SCHEMA_LOCK

MAX_CONNECTIONS = 20
"""For each process. A request thread holds one while it handles a request."""
IDLE_CONNECTION_S = 300
"""A connection idle for longer is replaced, because a firewall may have dropped it."""


class _Adapter(Psycopg3Adapter):
    """Opens the connections of the pool."""

    def connect(self, db: Any, **parameters: Any) -> Any:
        return open_connection(dbname=db.database, **parameters)


class Postgres(PooledPostgresqlDatabase):  # type: ignore[misc]  # peewee ships no types
    """A pool of connections to PostgreSQL."""

    psycopg3_adapter = _Adapter
    dialect = "postgresql"
    # Names and ids are compared byte by byte, as SQLite does.
    column_types = {
        "text": 'TEXT COLLATE "C"',
        "real": "DOUBLE PRECISION",
        "bool": "BOOLEAN",
        "json": "JSONB",
    }

    @classmethod
    def from_url(cls, url: str) -> Postgres:
        """Return the database that a libpq URL names. Raises ConfigError. Connections are opened later."""
        parameters = connection_parameters(url, "CHROMI_DATABASE_URL")
        return cls(
            parameters.pop("dbname", None) or parameters.get("user"),
            prefer_psycopg3=True,
            max_connections=MAX_CONNECTIONS,
            stale_timeout=IDLE_CONNECTION_S,
            timeout=CONNECT_TIMEOUT_S,
            **parameters,
        )

    @property
    def description(self) -> str:
        host, port = (self.connect_params.get(name) for name in ("host", "port"))
        return f"The database {self.database} on {host or 'localhost'}:{port or 5432}"

    @contextmanager
    def exclusive(self, *locked: Any) -> Iterator[None]:
        """Begin a transaction during which nobody else writes these rows or, of a model, any row.

        Without arguments, such transactions run one at a time. Changes of the schema do so.
        """
        with self.atomic():
            if not locked:
                self.execute_sql("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
            for each in locked:
                if isinstance(each, Model):
                    model: Any = type(each)
                    row: Any = each
                    model.select().where(model.id == row.id).for_update().first()
                else:
                    self.execute_sql(f'LOCK TABLE "{each._meta.table_name}" IN SHARE ROW EXCLUSIVE MODE')
            yield

    def least(self, *values: Any) -> Any:
        return fn.LEAST(*values)

    def greatest(self, *values: Any) -> Any:
        return fn.GREATEST(*values)

    def drop_broken_connection(self) -> None:
        """Close the thread's connection if it no longer works, so that the next query opens another one."""
        if not self.is_connection_usable():
            self.manual_close()

    def read_clock(self) -> float:
        """Return the server's time in seconds since 1970."""
        [(seconds,)] = self.execute_sql("SELECT EXTRACT(EPOCH FROM clock_timestamp())").fetchall()
        return float(seconds)

    # -- schema ----------------------------------------------------------------------------------------

    def schema_version(self) -> int:
        if not self.table_exists("schema_version"):
            return 0
        [(version,)] = self.execute_sql("SELECT version FROM schema_version").fetchall()
        return int(version)

    def set_schema_version(self, version: int) -> None:
        self.execute_sql("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        self.execute_sql("DELETE FROM schema_version")
        self.execute_sql("INSERT INTO schema_version (version) VALUES (%s)", (version,))

    # -- health ----------------------------------------------------------------------------------------

    def find_damage(self) -> str | None:
        """PostgreSQL checks its pages itself."""
        return None

    def check_writable(self) -> None:
        """Raise OperationalError if the server is a standby or read-only."""
        [(read_only,)] = self.execute_sql("SHOW transaction_read_only").fetchall()
        if read_only == "on":
            raise OperationalError(f"{self.description} is read-only.")

    def keep_open(self) -> AbstractContextManager[None]:
        return nullcontext()

"""Connections to PostgreSQL, for the database and for a queue: psycopg (`pip install .[postgres]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chromi.errors import ConfigError

if TYPE_CHECKING:
    import psycopg

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 10_000
TCP_TIMEOUTS = {
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
}
"""A connection ends when its server has vanished for 10 s, the time that a statement may take. Otherwise,
sending a statement would fail after 15 minutes, and waiting for an answer after hours. The first two are in
seconds, the last one is in milliseconds."""


def connection_parameters(url: str, setting: str) -> dict[str, Any]:
    """Return libpq's parameters of a URL. Its own timeouts replace ours. `setting` is where the URL is from.

    Raises ConfigError.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise ConfigError(f"{setting} requires psycopg: see docs/scaling.md.") from error
    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ConfigError(f"{setting} is not a valid PostgreSQL URL.") from error
    return {"connect_timeout": CONNECT_TIMEOUT_S, **TCP_TIMEOUTS, **parameters}


def open_connection(**parameters: Any) -> psycopg.Connection[Any]:
    """Open a connection that commits each statement and limits its time. Raises psycopg.Error."""
    from psycopg import connect

    connection = connect(autocommit=True, **parameters)
    try:
        # As a startup parameter, PgBouncer would reject it.
        connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
    except BaseException:
        connection.close()
        raise
    return connection

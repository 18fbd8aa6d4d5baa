"""Make the database read-only."""

from collections.abc import Iterator
from contextlib import contextmanager

from chromi.db import database


@contextmanager
def read_only() -> Iterator[None]:
    """Let every write of this connection fail, as on a full disk or on a standby."""
    setting = {"sqlite": "PRAGMA query_only", "postgresql": "SET default_transaction_read_only"}
    database.execute_sql(f"{setting[database.dialect]} = on")
    yield
    database.execute_sql(f"{setting[database.dialect]} = off")

"""The rows, and the only transitions between their states.

    queued -> in_progress -> success | failed | cancelled        queued -> cancelled

Nothing leaves a final state. Every transition is one conditional UPDATE, and its row count says who won:
two workers, a cancel and a finish, or two downloads may meet here and exactly one goes through.
Times are seconds since 1970, UTC.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from peewee import DatabaseError, OperationalError

from chromi.db.base import database, in_network, keep_connection_open, retry_on_lock
from chromi.db.counter import Counter
from chromi.db.job import FINAL_STATES, MAX_ATTEMPTS, Job, JobKind, State
from chromi.db.lease import LEASE_S, Lease
from chromi.db.rate_limit import RateLimit, RateLimitUsage
from chromi.db.schema import bring_up_to_date, check_pages, damaged
from chromi.db.share_link import Link
from chromi.db.upload import PartialUpload, Upload, find_upload, find_whole_upload
from chromi.db.worker import WORKER_TIMEOUT_S, Worker

__all__ = [
    "FINAL_STATES",
    "LEASE_S",
    "MAX_ATTEMPTS",
    "RateLimitUsage",
    "Job",
    "JobKind",
    "Lease",
    "RateLimit",
    "Link",
    "PartialUpload",
    "State",
    "Counter",
    "Upload",
    "WORKER_TIMEOUT_S",
    "Worker",
    "check_pages",
    "database",
    "find_upload",
    "find_whole_upload",
    "in_network",
    "keep_connection_open",
    "open_database",
    "retry_on_lock",
    "shrink_wal",
]

WAL_LIMIT_BYTES = 16_000_000
"""SQLite writes its log over from the start when nobody reads it, but by itself never gives room back."""


def open_database(instance: Path) -> None:
    """Name the database file and bring its tables up to date; raises ServiceUnhealthy when it cannot be used.

    WAL lets pages be read while a job writes; FULL means that a committed row survives a power cut.
    """
    instance.mkdir(parents=True, exist_ok=True)
    database.init(
        str(instance / "chromi.db"),
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1},
        timeout=5,
    )
    try:
        with database.connection_context():
            bring_up_to_date()
    except OperationalError:
        raise  # locked, or no room: that passes
    except DatabaseError as error:  # it cannot even be connected to
        raise damaged(str(error)) from error


def shrink_wal(path: Path) -> bool:
    """Write a database's log into it and empty it, if it has grown large; False when that was not needed.

    A reader who is just then at work makes it wait for a second, then it is left for another time.
    """
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size < WAL_LIMIT_BYTES:
        return False
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=1)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return True

"""The rows, and the only transitions between their states.

    queued -> in_progress -> success | failed | cancelled        queued -> cancelled

Nothing leaves a final state. Every transition is one conditional UPDATE, and its row count says who won:
two workers, a cancel and a finish, or two downloads may meet here and exactly one goes through.
Times are seconds since 1970, UTC.
"""

from pathlib import Path

from chromi.models.jobs import FINAL_STATES, MAX_ATTEMPTS, Job, JobKind, State
from chromi.models.links import Link
from chromi.models.rows import database, kept_open, patiently
from chromi.models.uploads import PartialUpload, Upload, find_upload, find_whole_upload
from chromi.models.workers import Worker

__all__ = [
    "FINAL_STATES",
    "MAX_ATTEMPTS",
    "Job",
    "JobKind",
    "Link",
    "PartialUpload",
    "State",
    "Upload",
    "Worker",
    "database",
    "find_upload",
    "find_whole_upload",
    "kept_open",
    "open_database",
    "patiently",
]

ADDED_COLUMNS = {
    "job": {"kind": "VARCHAR(255) NOT NULL DEFAULT 'convert'", "error_values": "JSON"},
    "link": {
        "password_hash": "VARCHAR(255)",
        "revoked_at": "REAL",
        "tries": "INTEGER NOT NULL DEFAULT 0",
        "tries_since": "REAL NOT NULL DEFAULT 0",
    },
}
"""What tables have got since the first version made them."""


def open_database(instance: Path) -> None:
    """Name the database file and make its tables where they are missing.

    WAL lets pages be read while a job writes; FULL means that a committed row survives a power cut.
    """
    instance.mkdir(parents=True, exist_ok=True)
    database.init(
        str(instance / "chromi.db"),
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1},
        timeout=5,
    )
    with database.connection_context():
        database.create_tables([PartialUpload, Upload, Job, Link, Worker])
        _add_missing_columns()


def _add_missing_columns() -> None:
    """Bring up to date the tables that an older version made; they keep their rows."""
    with database.atomic("IMMEDIATE"):  # the web server and the consumer start at the same time
        for table, added in ADDED_COLUMNS.items():
            present = {column.name for column in database.get_columns(table)}
            for name, definition in added.items():
                if name not in present:
                    # Not by playhouse.migrate: it makes a table anew; dropping the old one drops all links.
                    database.execute_sql(f"ALTER TABLE {table} ADD COLUMN {name} {definition}")

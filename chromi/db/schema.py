"""The tables, as numbered steps: each version of them is the one before and one step.

The number of the last step that was taken is the database's `user_version`, written in the step's own
transaction. A new database takes all steps, so that there is one way to every table. To change the tables,
add a step at the end; one that was ever released is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import DatabaseError, OperationalError

from chromi.db.base import database
from chromi.errors import ServiceUnhealthy


@dataclass(frozen=True)
class Column:
    """A column that a table gets. Databases from before there were numbers may have it already."""

    table: str
    name: str
    definition: str

    def add(self) -> None:
        if self.name not in {column.name for column in database.get_columns(self.table)}:
            # Not by playhouse.migrate: it makes a table anew; dropping the old one drops all links.
            database.execute_sql(f"ALTER TABLE {self.table} ADD COLUMN {self.name} {self.definition}")


Step = tuple[str | Column, ...]

_FIRST: Step = (
    """CREATE TABLE IF NOT EXISTS upload (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        used_at REAL NOT NULL, bytes INTEGER NOT NULL, info_json TEXT NOT NULL, one_shot INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS upload_used_at ON upload (used_at)",
    """CREATE TABLE IF NOT EXISTS job (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        upload_id VARCHAR(255), options_json TEXT NOT NULL, state VARCHAR(255) NOT NULL,
        step VARCHAR(255) NOT NULL, progress REAL NOT NULL, message VARCHAR(255) NOT NULL,
        error_code VARCHAR(255), error_message VARCHAR(255), result_json TEXT, worker VARCHAR(255),
        heartbeat_at REAL, attempts INTEGER NOT NULL, started_at REAL, finished_at REAL,
        FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE SET NULL)""",
    "CREATE INDEX IF NOT EXISTS job_upload_id ON job (upload_id)",
    "CREATE INDEX IF NOT EXISTS job_state ON job (state)",
    """CREATE TABLE IF NOT EXISTS link (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        job_id VARCHAR(255) NOT NULL, expires_at REAL NOT NULL, max_uses INTEGER, uses INTEGER NOT NULL,
        active_downloads INTEGER NOT NULL, shared INTEGER NOT NULL,
        FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE)""",
    "CREATE INDEX IF NOT EXISTS link_job_id ON link (job_id)",
    "CREATE INDEX IF NOT EXISTS link_expires_at ON link (expires_at)",
    """CREATE TABLE IF NOT EXISTS worker (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        seen_at REAL NOT NULL)""",
)

_RESUMED_DOWNLOADS: Step = (Column("link", "sent_bytes", "INTEGER NOT NULL DEFAULT 0"),)

_PARTIAL_UPLOADS: Step = (
    """CREATE TABLE IF NOT EXISTS partialupload (id VARCHAR(255) NOT NULL PRIMARY KEY,
        created_at REAL NOT NULL, used_at REAL NOT NULL, length_bytes INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS partialupload_used_at ON partialupload (used_at)",
)

_KINDS_AND_PASSWORDS: Step = (
    Column("job", "kind", "VARCHAR(255) NOT NULL DEFAULT 'convert'"),
    Column("link", "password_hash", "VARCHAR(255)"),
    Column("link", "revoked_at", "REAL"),
    Column("link", "tries", "INTEGER NOT NULL DEFAULT 0"),
    Column("link", "tries_since", "REAL NOT NULL DEFAULT 0"),
)

_TRANSLATED_ERRORS: Step = (Column("job", "error_values", "TEXT"),)

# A trigger sees each end, whoever brings it about, and counts it in the very transaction. Rows are swept,
# sums stay.
_TALLIES: Step = (
    """CREATE TABLE tally (name VARCHAR(255) NOT NULL, label VARCHAR(255) NOT NULL, count INTEGER NOT NULL,
        sum REAL NOT NULL, PRIMARY KEY (name, label))""",
    """CREATE TRIGGER count_ended_job AFTER UPDATE OF state ON job
    WHEN old.state IN ('queued', 'in_progress') AND new.state IN ('success', 'failed', 'cancelled')
    BEGIN
        INSERT INTO tally (name, label, count, sum)
            SELECT 'ended', new.kind || ' ' || new.state, 1, 0 WHERE true
            UNION ALL SELECT 'failure', new.error_code, 1, 0 WHERE new.error_code IS NOT NULL
            UNION ALL SELECT 'step', 'waiting', 1, max(0, new.started_at - new.created_at)
                WHERE new.started_at IS NOT NULL
            UNION ALL SELECT 'step', key, 1, value FROM json_each(new.result_json, '$.seconds')
                WHERE key IS NOT NULL
            ON CONFLICT (name, label) DO UPDATE SET count = count + 1, sum = sum + excluded.sum;
    END""",
)

_CLIENTS: Step = (
    Column("job", "client", "VARCHAR(255)"),
    Column("partialupload", "client", "VARCHAR(255)"),
    """CREATE TABLE allowance (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        free_at REAL NOT NULL)""",
    "CREATE INDEX allowance_free_at ON allowance (free_at)",
)

# Tries are allowances since, as all that is limited is.
_TRIES_ARE_ALLOWANCES: Step = (
    "ALTER TABLE link DROP COLUMN tries",
    "ALTER TABLE link DROP COLUMN tries_since",
)

_TURNS_AND_SENDERS: Step = (
    Column("job", "priority", "INTEGER NOT NULL DEFAULT 0"),
    Column("upload", "client", "VARCHAR(255)"),
)

# What a client keeps and has waiting is added up for each upload and each job.
_STARTS_AND_CLIENT_INDEXES: Step = (
    Column("partialupload", "started_at", "REAL"),
    "CREATE INDEX IF NOT EXISTS upload_client ON upload (client)",
    "CREATE INDEX IF NOT EXISTS job_client ON job (client)",
)

STEPS: tuple[Step, ...] = (
    _FIRST,
    _RESUMED_DOWNLOADS,
    _PARTIAL_UPLOADS,
    _KINDS_AND_PASSWORDS,
    _TRANSLATED_ERRORS,
    _TALLIES,
    _CLIENTS,
    _TRIES_ARE_ALLOWANCES,
    _TURNS_AND_SENDERS,
    _STARTS_AND_CLIENT_INDEXES,
)


def bring_up_to_date() -> None:
    """Take the steps that are missing.

    The web server and the consumer start at the same time: each step is taken by whoever is first. Raises
    ServiceUnhealthy for a database that is damaged, or that a newer version of Chromi has changed.
    """
    check_pages()
    while (version := schema_version()) < len(STEPS):
        with database.atomic("IMMEDIATE"):
            if schema_version() == version:
                # Reads the tables anew if another process has changed them; DROP COLUMN alone would not.
                database.get_tables()
                _take(STEPS[version])
                database.execute_sql(f"PRAGMA user_version = {version + 1}")
    if version > len(STEPS):
        raise ServiceUnhealthy(
            f"The database {database.database} has tables of version {version}, this Chromi knows "
            f"{len(STEPS)}. Start the newer Chromi that changed it, or restore a backup from before."
        )


def schema_version() -> int:
    [(version,)] = database.execute_sql("PRAGMA user_version").fetchall()
    return int(version)


def _take(step: Step) -> None:
    for change in step:
        if isinstance(change, Column):
            change.add()
        else:
            database.execute_sql(change)


def check_pages() -> None:
    """Look at every page of the database; raises ServiceUnhealthy when it is damaged."""
    try:
        [(answer,)] = database.execute_sql("PRAGMA quick_check(1)").fetchall()
    except OperationalError:
        raise  # locked, or no room: that passes
    except DatabaseError as error:
        raise damaged(str(error)) from error
    if answer != "ok":
        raise damaged(answer)


def damaged(what: str) -> ServiceUnhealthy:
    return ServiceUnhealthy(
        f"The database {database.database} is damaged ({what}). "
        "Restore a backup, or move it away: then a new one is made, and all links end."
    )

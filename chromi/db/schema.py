"""Define the tables as numbered migration steps.

The number of the last applied step is the database's `user_version`, written in the step's own transaction. A
new database applies all steps, so every table has a single definition. To change a table, append a step;
never edit a released step. tests/db/test_schema.py checks that the tables match the models.
"""

from __future__ import annotations

from pathlib import Path

from peewee import DatabaseError, OperationalError

from chromi.db.connection import configure_database, database
from chromi.errors import ServiceUnhealthy

Step = tuple[str, ...]
"""SQL statements that are executed in one transaction."""

_INITIAL: Step = (
    """CREATE TABLE upload (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        used_at REAL NOT NULL, length_bytes INTEGER NOT NULL, client VARCHAR(255), started_at REAL,
        info_json TEXT, one_shot INTEGER NOT NULL)""",
    "CREATE INDEX upload_used_at ON upload (used_at)",
    "CREATE INDEX upload_client ON upload (client)",
    "CREATE TABLE batch (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL)",
    """CREATE TABLE job (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        upload_id VARCHAR(255), batch_id VARCHAR(255), batch_position INTEGER NOT NULL,
        kind VARCHAR(255) NOT NULL, client VARCHAR(255), priority INTEGER NOT NULL,
        options_json TEXT NOT NULL, state VARCHAR(255) NOT NULL, step VARCHAR(255) NOT NULL,
        progress REAL NOT NULL, message VARCHAR(255) NOT NULL, error_code VARCHAR(255),
        error_message VARCHAR(255), error_values TEXT, result_json TEXT, worker VARCHAR(255),
        heartbeat_at REAL, attempts INTEGER NOT NULL, started_at REAL, finished_at REAL,
        FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE SET NULL)""",
    "CREATE INDEX job_upload_id ON job (upload_id)",
    "CREATE INDEX job_batch_id ON job (batch_id)",
    "CREATE INDEX job_state ON job (state)",
    "CREATE INDEX job_client ON job (client)",
    """CREATE TABLE link (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        job_id VARCHAR(255) NOT NULL, expires_at REAL NOT NULL, max_uses INTEGER, uses INTEGER NOT NULL,
        active_downloads INTEGER NOT NULL, sent_bytes INTEGER NOT NULL, shared INTEGER NOT NULL,
        password_hash VARCHAR(255), revoked_at REAL,
        FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE)""",
    "CREATE INDEX link_job_id ON link (job_id)",
    "CREATE INDEX link_expires_at ON link (expires_at)",
    """CREATE TABLE worker (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        seen_at REAL NOT NULL)""",
    """CREATE TABLE rate_limit_usage (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        free_at REAL NOT NULL)""",
    "CREATE INDEX ratelimitusage_free_at ON rate_limit_usage (free_at)",
    """CREATE TABLE idempotency_key (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        body_hash VARCHAR(255) NOT NULL, resource_id VARCHAR(255) NOT NULL)""",
    """CREATE TABLE webhook (id VARCHAR(255) NOT NULL PRIMARY KEY, created_at REAL NOT NULL,
        url VARCHAR(255) NOT NULL, status_url VARCHAR(255) NOT NULL, resource_id VARCHAR(255) NOT NULL,
        body TEXT, attempts INTEGER NOT NULL, next_attempt_at REAL)""",
    "CREATE INDEX webhook_resource_id ON webhook (resource_id)",
    "CREATE INDEX webhook_next_attempt_at ON webhook (next_attempt_at)",
    """CREATE TABLE counter (name VARCHAR(255) NOT NULL, label VARCHAR(255) NOT NULL, count INTEGER NOT NULL,
        sum REAL NOT NULL, PRIMARY KEY (name, label))""",
    # Counted by a trigger, so that the transaction that records a job's end also counts it, no matter which
    # code ends the job. The counters outlive the rows.
    """CREATE TRIGGER count_finished_job AFTER UPDATE OF state ON job
    WHEN old.state IN ('queued', 'in_progress') AND new.state IN ('success', 'failed', 'cancelled')
    BEGIN
        INSERT INTO counter (name, label, count, sum)
            SELECT 'finished', new.kind || ' ' || new.state, 1, 0 WHERE true
            UNION ALL SELECT 'failure', new.error_code, 1, 0 WHERE new.error_code IS NOT NULL
            UNION ALL SELECT 'step', 'waiting', 1, max(0, new.started_at - new.created_at)
                WHERE new.started_at IS NOT NULL
            UNION ALL SELECT 'step', key, 1, value FROM json_each(new.result_json, '$.result.seconds')
                WHERE key IS NOT NULL
            ON CONFLICT (name, label) DO UPDATE SET count = count + 1, sum = sum + excluded.sum;
    END""",
)

STEPS: tuple[Step, ...] = (_INITIAL,)


def open_database(instance: Path) -> None:
    """Open the database of an instance folder and apply any missing migration steps.

    Raises ServiceUnhealthy if the database is damaged or was changed by a newer version of Chromi.
    """
    configure_database(instance / "chromi.db")
    try:
        with database.connection_context():
            migrate()
    except OperationalError:
        raise  # locked or out of disk space, which is temporary
    except DatabaseError as error:  # the database cannot be opened at all
        raise _damaged(str(error)) from error


def migrate() -> None:
    """Apply the missing steps.

    The web server and the consumer start at the same time. The first to lock the database applies a step.
    """
    check_integrity()
    while (version := schema_version()) < len(STEPS):
        with database.atomic("IMMEDIATE"):
            if schema_version() == version:
                for statement in STEPS[version]:
                    database.execute_sql(statement)
                database.execute_sql(f"PRAGMA user_version = {version + 1}")
    if version > len(STEPS):
        raise ServiceUnhealthy(
            f"The database {database.database} has schema version {version}; this version of Chromi supports "
            f"{len(STEPS)}. Run the newer version of Chromi that migrated it, or restore an older backup."
        )


def schema_version() -> int:
    [(version,)] = database.execute_sql("PRAGMA user_version").fetchall()
    return int(version)


def check_integrity() -> None:
    """Check every page of the database. Raises ServiceUnhealthy if it is damaged."""
    try:
        [(answer,)] = database.execute_sql("PRAGMA quick_check(1)").fetchall()
    except OperationalError:
        raise  # locked or out of disk space, which is temporary
    except DatabaseError as error:
        raise _damaged(str(error)) from error
    if answer != "ok":
        raise _damaged(answer)


def _damaged(reason: str) -> ServiceUnhealthy:
    return ServiceUnhealthy(
        f"The database {database.database} is damaged ({reason}). Restore a backup, or move the file away to "
        "start with an empty database; this loses all links."
    )

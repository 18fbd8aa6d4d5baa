"""Define the tables as numbered migration steps.

The number of the last applied step is written in the step's own transaction. A new database applies all
steps, so every table has a single definition. To change a table, append a step; never edit a released step.
tests/db/test_schema.py checks that the tables match the models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from peewee import OperationalError

from chromi.db.clock import check_clock
from chromi.db.connection import (
    DATABASE_ERRORS,
    TEMPORARY_ERRORS,
    configure_database,
    database,
    database_connection,
    retry_on_lock,
)
from chromi.db.sqlite_database import LOCK_TIMEOUT_S
from chromi.errors import ServiceUnhealthy
from chromi.startup import is_postgres_rejection, wait_until_available

Statement = str | Mapping[str, str]
"""SQL with column types such as {text}, or different SQL for each dialect."""
Step = tuple[Statement, ...]
"""Statements that are executed in one transaction."""

_INITIAL: Step = (
    """CREATE TABLE upload (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        used_at {real} NOT NULL, length_bytes INTEGER NOT NULL, client {text}, started_at {real},
        info_json {json}, one_shot {bool} NOT NULL)""",
    "CREATE INDEX upload_used_at ON upload (used_at)",
    "CREATE INDEX upload_client ON upload (client)",
    "CREATE TABLE batch (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL)",
    """CREATE TABLE job (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        upload_id {text}, batch_id {text}, batch_position INTEGER NOT NULL,
        kind {text} NOT NULL, client {text}, priority INTEGER NOT NULL,
        options_json {json} NOT NULL, state {text} NOT NULL, step {text} NOT NULL,
        progress {real} NOT NULL, message {text} NOT NULL, error_code {text},
        error_message {text}, error_values {json}, result_json {json}, worker {text},
        heartbeat_at {real}, attempts INTEGER NOT NULL, started_at {real}, finished_at {real},
        FOREIGN KEY (upload_id) REFERENCES upload (id) ON DELETE SET NULL)""",
    "CREATE INDEX job_upload_id ON job (upload_id)",
    "CREATE INDEX job_batch_id ON job (batch_id)",
    "CREATE INDEX job_state ON job (state)",
    "CREATE INDEX job_client ON job (client)",
    """CREATE TABLE link (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        job_id {text} NOT NULL, expires_at {real} NOT NULL, max_uses INTEGER, uses INTEGER NOT NULL,
        sent_bytes INTEGER NOT NULL, shared {bool} NOT NULL,
        password_hash {text}, revoked_at {real},
        FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE)""",
    "CREATE INDEX link_job_id ON link (job_id)",
    "CREATE INDEX link_expires_at ON link (expires_at)",
    """CREATE TABLE download (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        link_id {text} NOT NULL, node {text} NOT NULL,
        FOREIGN KEY (link_id) REFERENCES link (id) ON DELETE CASCADE)""",
    "CREATE INDEX download_link_id ON download (link_id)",
    "CREATE INDEX download_node ON download (node)",
    """CREATE TABLE worker (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        seen_at {real} NOT NULL)""",
    """CREATE TABLE cleanup_lease (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        holder {text} NOT NULL, expires_at {real} NOT NULL)""",
    "INSERT INTO cleanup_lease (id, created_at, holder, expires_at) VALUES ('cleanup', 0, '', 0)",
    """CREATE TABLE rate_limit_usage (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        free_at {real} NOT NULL)""",
    "CREATE INDEX ratelimitusage_free_at ON rate_limit_usage (free_at)",
    """CREATE TABLE idempotency_key (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        body_hash {text} NOT NULL, resource_id {text} NOT NULL)""",
    """CREATE TABLE webhook (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        url {text} NOT NULL, status_url {text} NOT NULL, resource_id {text} NOT NULL,
        body TEXT, attempts INTEGER NOT NULL, next_attempt_at {real})""",
    "CREATE INDEX webhook_resource_id ON webhook (resource_id)",
    "CREATE INDEX webhook_next_attempt_at ON webhook (next_attempt_at)",
    """CREATE TABLE counter (name {text} NOT NULL, label {text} NOT NULL, count INTEGER NOT NULL,
        sum {real} NOT NULL, PRIMARY KEY (name, label))""",
    # Counted by a trigger, so that the transaction that records a job's end also counts it, no matter which
    # code ends the job. The counters outlive the rows.
    {
        "sqlite": """CREATE TRIGGER count_finished_job AFTER UPDATE OF state ON job
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
        "postgresql": """CREATE FUNCTION count_finished_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO counter (name, label, count, sum)
            SELECT 'finished', new.kind || ' ' || new.state, 1, 0
            UNION ALL SELECT 'failure', new.error_code, 1, 0 WHERE new.error_code IS NOT NULL
            UNION ALL SELECT 'step', 'waiting', 1, greatest(0, new.started_at - new.created_at)
                WHERE new.started_at IS NOT NULL
            UNION ALL SELECT 'step', key, 1, value::double precision
                FROM jsonb_each_text(new.result_json #> '{result,seconds}')
            ORDER BY 1, 2  -- always in the same order, so that two jobs cannot wait for each other
            ON CONFLICT (name, label)
                DO UPDATE SET count = counter.count + 1, sum = counter.sum + excluded.sum;
        RETURN new;
    END $$;
    CREATE TRIGGER count_finished_job AFTER UPDATE OF state ON job FOR EACH ROW
        WHEN (old.state IN ('queued', 'in_progress') AND new.state IN ('success', 'failed', 'cancelled'))
        EXECUTE FUNCTION count_finished_job()""",
    },
)

_WORKER_QUEUES_AND_FILES_OWNER: Step = (
    "ALTER TABLE worker ADD COLUMN queues {text} NOT NULL DEFAULT ''",
    """CREATE TABLE files_owner (id {text} NOT NULL PRIMARY KEY, created_at {real} NOT NULL,
        node {text} NOT NULL)""",
    "INSERT INTO files_owner (id, created_at, node) VALUES ('files', 0, '')",
)

STEPS: tuple[Step, ...] = (_INITIAL, _WORKER_QUEUES_AND_FILES_OWNER)


def open_database(instance: Path, url: str = "") -> None:
    """Open the database at the URL or in the instance folder, and apply any missing migration steps.

    Raises ConfigError, and ServiceUnhealthy if the database cannot be used or was changed by a newer version
    of Chromi, or if its server's clock differs from this machine's.
    """
    configure_database(instance, url)
    if database.dialect == "postgresql":
        _wait_for_server()
    try:
        # SQLite itself does not wait for a lock when it switches a new file to WAL mode.
        retry_on_lock(_prepare, timeout_s=LOCK_TIMEOUT_S)
    except DATABASE_ERRORS as error:
        raise _unusable(error) from error
    finally:
        if database.dialect == "postgresql":
            database.close_all()  # processes that are forked later must not share a connection


def _prepare() -> None:
    with database_connection():
        migrate()
        check_clock()


def _wait_for_server() -> None:
    """Connect to the database server as soon as it accepts connections. Raises ServiceUnhealthy."""
    wait_until_available(
        lambda: database.connect(reuse_if_open=True),
        database.description,
        errors=(OperationalError,),
        is_final=is_postgres_rejection,
    )


def migrate() -> None:
    """Apply the missing steps.

    The web server and the workers start at the same time. The first to lock the database applies a step.
    """
    check_integrity()
    while (version := schema_version()) < len(STEPS):
        with database.exclusive():
            if schema_version() == version:
                for statement in STEPS[version]:
                    database.execute_sql(_sql(statement))
                database.set_schema_version(version + 1)
    if version > len(STEPS):
        raise ServiceUnhealthy(
            f"{database.description} has schema version {version}; this version of Chromi supports "
            f"{len(STEPS)}. Run the newer version of Chromi that migrated it, or restore an older backup."
        )


def _sql(statement: Statement) -> str:
    if isinstance(statement, str):
        return statement.format(**database.column_types)
    return statement[database.dialect]


def schema_version() -> int:
    return int(database.schema_version())


def check_integrity() -> None:
    """Check every page of the database. Raises ServiceUnhealthy if it is damaged."""
    if damage := database.find_damage():
        raise _damaged(damage)


def _unusable(error: Exception) -> ServiceUnhealthy:
    """Report a damaged file only for SQLite. Other errors say what is missing, such as a privilege."""
    if database.dialect == "sqlite" and not isinstance(error, TEMPORARY_ERRORS):
        return _damaged(str(error))
    reason = str(error).partition("\n")[0]  # PostgreSQL's other lines repeat the statement
    return ServiceUnhealthy(f"{database.description} cannot be used: {reason}.")


def _damaged(reason: str) -> ServiceUnhealthy:
    return ServiceUnhealthy(
        f"{database.description} is damaged ({reason}). Restore a backup, or move the file away to "
        "start with an empty database; this loses all links."
    )

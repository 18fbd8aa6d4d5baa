"""Databases are migrated step by step and keep their rows; unusable ones are rejected with a message."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chromi.db import (
    Counter,
    Job,
    Link,
    database,
    open_database,
    schema,
)
from chromi.db.base import BaseModel
from chromi.db.connection import configure_database
from chromi.errors import ServiceUnhealthy
from tests.support.postgres_server import PostgresServer

SECOND_STEP = (
    "ALTER TABLE job ADD COLUMN note VARCHAR(255)",
    "CREATE TABLE tag (id INTEGER NOT NULL PRIMARY KEY)",
)
"""A fictitious step, like one that a later version would append."""


def tables_of(instance: Path) -> dict[str, set[tuple[object, ...]]]:
    """Return each table's columns (name, type, not null, key); indexes and triggers by name."""
    with closing(sqlite3.connect(instance / "chromi.db")) as connection:
        objects = connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")
        return {
            f"{kind} {name}": {
                (column[1], column[2].replace("JSON", "TEXT"), column[3], column[5])
                for column in connection.execute(f"PRAGMA table_info({name})")  # noqa: S608
            }
            for kind, name in objects.fetchall()
        }


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Append the fictitious step to the schema."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, SECOND_STEP))


def create_first_version(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create a database with only the first step applied, and a job with a link."""
    with monkeypatch.context() as patch:
        patch.setattr(schema, "STEPS", schema.STEPS[:1])
        open_database(instance)
    with database.connection_context():
        job = Job.create(id="a", options_json={})
        Link.create(id="b", job=job, expires_at=9)


# -- tables ----------------------------------------------------------------------------------------------


def test_tables_agree_with_models(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    open_database(tmp_path)
    created = tables_of(tmp_path)
    database.init(str(tmp_path / "models/chromi.db"))
    with database.connection_context():
        database.create_tables([*BaseModel.__subclasses__(), Counter])
    of_models = tables_of(tmp_path / "models")
    assert created.keys() - of_models.keys() == {"trigger count_finished_job"}
    assert {name: created[name] for name in of_models} == of_models


# -- migration -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_steps")
def test_migration_keeps_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_first_version(tmp_path, monkeypatch)
    open_database(tmp_path)
    open_database(tmp_path)
    with database.connection_context():
        assert [link.id for link in Job.find("a").links] == ["b"]
        assert schema.schema_version() == len(schema.STEPS)
    assert "table tag" in tables_of(tmp_path)


@pytest.mark.usefixtures("two_steps")
def test_new_and_migrated_databases_have_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
    create_first_version(tmp_path / "old", monkeypatch)
    open_database(tmp_path / "old")
    open_database(tmp_path / "new")
    assert tables_of(tmp_path / "new") == tables_of(tmp_path / "old")


@pytest.mark.slow
def test_failed_step_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_database(tmp_path)
    broken = ("CREATE TABLE half (id INTEGER)", "CREATE TABLE half (id INTEGER)")
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, broken))
    monkeypatch.setattr(schema, "LOCK_TIMEOUT_S", 0)  # SQLite reports both with the same exception
    with pytest.raises(Exception, match="half already exists"):
        open_database(tmp_path)
    monkeypatch.undo()
    open_database(tmp_path)
    assert "table half" not in tables_of(tmp_path)


@pytest.mark.usefixtures("two_steps")
def test_concurrent_threads_apply_each_step_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_first_version(tmp_path, monkeypatch)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            open_database(tmp_path)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.usefixtures("two_steps")
@pytest.mark.parametrize("applied", [0, 1, 2])
def test_steps_applied_by_another_process_meanwhile_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, applied: int
) -> None:
    all_steps, check_integrity = schema.STEPS, schema.check_integrity

    def check_while_another_migrates() -> None:
        check_integrity()
        monkeypatch.setattr(schema, "check_integrity", check_integrity)
        monkeypatch.setattr(schema, "STEPS", all_steps[:applied])
        other = threading.Thread(target=open_database, args=(tmp_path,))
        other.start()
        other.join()
        monkeypatch.setattr(schema, "STEPS", all_steps)

    monkeypatch.setattr(schema, "check_integrity", check_while_another_migrates)
    open_database(tmp_path)
    with database.connection_context():
        assert schema.schema_version() == len(all_steps)


def test_current_database_is_opened_while_another_process_writes(tmp_path: Path) -> None:
    open_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        open_database(tmp_path)


# -- unusable databases ----------------------------------------------------------------------------------


def test_newer_database_is_rejected_and_not_changed(tmp_path: Path) -> None:
    open_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as newer:
        newer.execute(f"PRAGMA user_version = {len(schema.STEPS) + 1}")
    before = tables_of(tmp_path)
    with pytest.raises(ServiceUnhealthy, match=r"Run the newer version"):
        open_database(tmp_path)
    assert tables_of(tmp_path) == before


def test_file_that_is_not_a_database_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "chromi.db").write_bytes(b"no database " * 1000)
    with pytest.raises(ServiceUnhealthy, match="is damaged"):
        open_database(tmp_path)


@pytest.mark.slow
def test_missing_privilege_is_not_reported_as_damage(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.create_database_without_privileges()
    with pytest.raises(ServiceUnhealthy, match=r"cannot be used: permission denied for schema public\.$"):
        open_database(tmp_path, url)
    configure_database(tmp_path, "")


def test_damaged_page_is_found_at_start(tmp_path: Path) -> None:
    open_database(tmp_path)
    database.close()
    path = tmp_path / "chromi.db"
    page_bytes = 4096
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // page_bytes):
            file.seek(page * page_bytes)
            file.write(b"\xff" * 64)
    with pytest.raises(ServiceUnhealthy, match="is damaged"):
        open_database(tmp_path)

"""A database that any older version made is opened and keeps its rows; one that cannot be used is refused."""

import multiprocessing
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chromi.db import (
    Counter,
    Job,
    JobKind,
    Link,
    RateLimitUsage,
    State,
    Upload,
    Worker,
    database,
    open_database,
    shrink_wal,
)
from chromi.db import schema as steps
from chromi.encoder import ConversionOptions
from chromi.errors import ServiceUnhealthy

SCHEMAS = {
    path.stem: path.read_text() for path in sorted((Path(__file__).parents[1] / "schemas").glob("*.sql"))
}
"""The tables as versions without numbers made them; one of them out of those of the first."""
LATEST_UNNUMBERED = SCHEMAS["3-sentences"]

RECIPE = '{"start_s": 1.5, "duration_s": 6.0, "quality": "balanced"}'
ROWS = {
    "job": {"id": "a", "created_at": 1, "kind": "convert", "options_json": RECIPE, "state": "success"}
    | {"step": "", "progress": 1, "message": "", "attempts": 1, "started_at": 2, "finished_at": 3},
    "link": {"id": "b", "created_at": 1, "job_id": "a", "expires_at": 9, "uses": 0, "active_downloads": 0}
    | {"shared": 0, "sent_bytes": 0, "tries": 0, "tries_since": 0},
}
"""One conversion with its link."""


every_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def make(instance: Path, schema: str) -> Path:
    """Make the database of an older version; of ROWS it has the columns that it knows."""
    with closing(sqlite3.connect(instance / "chromi.db")) as connection, connection:
        connection.executescript(f"PRAGMA journal_mode = wal; {schema}")
        for table, row in ROWS.items():
            known = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
            names = [name for name in row if name in known]
            places = ", ".join(f":{name}" for name in names)
            connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", row)  # noqa: S608
    return instance


def shape(instance: Path) -> dict[str, set[tuple[object, ...]]]:
    """Each table's columns (name, type, not null, key) in whatever order; indexes and triggers by name."""
    with closing(sqlite3.connect(instance / "chromi.db")) as connection:
        things = connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")
        return {
            f"{kind} {name}": {
                (column[1], column[2].replace("JSON", "TEXT"), column[3], column[5])  # an older name
                for column in connection.execute(f"PRAGMA table_info({name})")  # noqa: S608
            }
            for kind, name in things.fetchall()
        }


@every_schema
def test_a_database_of_any_version_keeps_its_jobs_and_links(tmp_path: Path, schema: str) -> None:
    make(tmp_path, schema)
    open_database(tmp_path)
    open_database(tmp_path)
    with database.connection_context():
        job = Job.find("a")
        assert (job.kind, job.state, job.options) == (
            JobKind.CONVERT,
            State.SUCCESS,
            ConversionOptions(start_s=1.5),
        )
        assert [link.id for link in job.links] == ["b"]
        new = Job.create(kind=JobKind.ESTIMATE, options_json={})
        assert Job.find(new.id).kind == JobKind.ESTIMATE
        assert Link.select().count() == 1
        link = Link.find("b")
        assert (link.password_hash, link.revoked_at, link.sent_bytes) == (None, None, 0)
        assert link.revoke()
        assert steps.schema_version() == len(steps.STEPS)


@every_schema
def test_every_way_leads_to_the_same_tables(tmp_path: Path, schema: str) -> None:
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
    open_database(tmp_path / "new")
    open_database(make(tmp_path / "old", schema))
    assert shape(tmp_path / "new") == shape(tmp_path / "old")


def test_the_tables_are_those_of_the_models(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    open_database(tmp_path)
    made = shape(tmp_path)
    database.init(str(tmp_path / "models/chromi.db"))
    with database.connection_context():
        database.create_tables([RateLimitUsage, Upload, Upload, Job, Link, Worker, Counter])
    of_models = shape(tmp_path / "models")
    assert made.keys() - of_models.keys() == {"trigger count_ended_job"}
    assert {name: made[name] for name in of_models} == of_models


def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, LATEST_UNNUMBERED)
    broken = ("CREATE TABLE half (id INTEGER)", "CREATE TABLE half (id INTEGER)")
    monkeypatch.setattr(steps, "STEPS", (*steps.STEPS, broken))
    with pytest.raises(Exception, match="half already exists"):
        open_database(tmp_path)
    monkeypatch.undo()
    open_database(tmp_path)
    assert "table half" not in shape(tmp_path)


def test_a_step_is_taken_by_whoever_is_first(tmp_path: Path) -> None:
    make(tmp_path, SCHEMAS["1-first"])
    complaints: list[BaseException] = []

    def work() -> None:
        try:
            open_database(tmp_path)
        except BaseException as error:
            complaints.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert complaints == []


@pytest.mark.parametrize("taken", range(len(steps.STEPS) + 1))
def test_steps_that_another_takes_meanwhile_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    make(tmp_path, SCHEMAS["1-first"])
    all_steps, check_integrity = steps.STEPS, steps.check_integrity

    def check_while_another_is_quicker() -> None:
        check_integrity()
        monkeypatch.setattr(steps, "check_integrity", check_integrity)
        monkeypatch.setattr(steps, "STEPS", all_steps[:taken])
        other = threading.Thread(target=open_database, args=(tmp_path,))
        other.start()
        other.join()
        monkeypatch.setattr(steps, "STEPS", all_steps)

    monkeypatch.setattr(steps, "check_integrity", check_while_another_is_quicker)
    open_database(tmp_path)
    with database.connection_context():
        assert steps.schema_version() == len(all_steps)


def test_server_and_consumer_may_open_it_at_once(tmp_path: Path) -> None:
    make(tmp_path, SCHEMAS["1-first"])
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=open_database, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_a_database_that_is_up_to_date_is_opened_while_another_writes(tmp_path: Path) -> None:
    open_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        open_database(tmp_path)


# -- what cannot be used ------------------------------------------------------------------------------------


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_database(tmp_path)
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as newer:
        newer.execute(f"PRAGMA user_version = {len(steps.STEPS) + 1}")
    before = shape(tmp_path)
    with pytest.raises(ServiceUnhealthy, match=r"Start the newer Chromi"):
        open_database(tmp_path)
    assert shape(tmp_path) == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chromi.db").write_bytes(b"no database " * 1000)
    with pytest.raises(ServiceUnhealthy, match="is damaged"):
        open_database(tmp_path)


def test_a_damaged_page_is_found_at_the_start(tmp_path: Path) -> None:
    make(tmp_path, LATEST_UNNUMBERED)
    path = tmp_path / "chromi.db"
    page_bytes = 4096
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // page_bytes):
            file.seek(page * page_bytes)
            file.write(b"\xff" * 64)
    with pytest.raises(ServiceUnhealthy, match="is damaged"):
        open_database(tmp_path)


# -- the log beside it ---------------------------------------------------------------------------------------


def test_a_log_that_has_grown_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chromi.db.MAX_WAL_BYTES", 100_000)
    open_database(tmp_path)
    path, wal = tmp_path / "chromi.db", tmp_path / "chromi.db-wal"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, database.connection_context():
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM job").fetchone()
        for _ in range(3):
            Job.create(options_json={"filler": "x" * 50_000})
        grown = wal.stat().st_size
        assert grown > 100_000
        assert shrink_wal(path)
        assert wal.stat().st_size == grown, "a reader still needs it"
        reader.execute("COMMIT")
        assert shrink_wal(path)
        assert wal.stat().st_size == 0
        assert not shrink_wal(path)
        assert Job.select().count() == 3

"""Commands report an unusable instance folder or database in one sentence."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from peewee import InterfaceError

from chromi.cli.instance_command import InstanceCommand
from chromi.errors import ServiceUnhealthy
from chromi.jobs.queue_storage import QueueUnavailable
from tests.cli.conftest import RunCommand
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", ["serve", "doctor", "jobs", "cleanup"])
def test_unusable_instance_is_reported_in_one_sentence(
    run_command: RunCommand, tmp_path: Path, command: str
) -> None:
    (tmp_path / "instance").write_text("a file, not a folder")
    completed = run_command(command)
    assert completed.returncode == 1
    assert "Cannot use" in completed.stderr
    assert "Traceback" not in completed.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (sqlite3.OperationalError("database is locked"), "Cannot use .*: database is locked."),
        (InterfaceError("the connection is lost"), "The database .* cannot be used: the connection is lost."),
        (QueueUnavailable("The queue is unavailable."), "The queue is unavailable."),
    ],
)
def test_server_or_file_that_fails_during_a_command_is_reported(error: Exception, message: str) -> None:
    def fail() -> None:
        raise error

    umask = os.umask(0)
    with pytest.raises(ServiceUnhealthy, match=f"^{message}$"):
        InstanceCommand("command", callback=fail).main([], standalone_mode=False)
    os.umask(umask)


@pytest.mark.parametrize(
    ("command", "problem", "message"),
    [
        ("serve", "damaged", "is damaged"),
        ("serve", "newer", "Run the newer version"),
        ("web", "damaged", "is damaged"),
        ("web", "damaged queue", "is rebuilt from the jobs"),
    ],
)
def test_unusable_database_stops_the_start(
    run_command: RunCommand, tmp_path: Path, command: str, problem: str, message: str
) -> None:
    break_database(tmp_path / "instance", problem)
    completed = run_command(command)
    assert completed.returncode == 1
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr


def test_local_files_are_refused_for_separate_workers(run_command: RunCommand) -> None:
    completed = run_command(
        "worker", CHROMI_DATABASE_URL="postgresql://127.0.0.1/chromi", CHROMI_SECRET_KEY="k" * 32
    )
    assert completed.returncode == 1
    assert "only if CHROMI_STORAGE_URL is set, too" in completed.stderr
    assert "Traceback" not in completed.stderr


@pytest.mark.parametrize("problem", ["newer", "damaged queue"])
def test_unusable_database_stops_the_consumer(tmp_path: Path, problem: str) -> None:
    break_database(tmp_path, problem)
    completed = subprocess.run(
        [sys.executable, "-m", "huey.bin.huey_consumer", "worker.huey"],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == 1
    [line] = completed.stdout.splitlines()
    assert json.loads(line)["level"] == "critical"
    assert completed.stderr == ""


def break_database(instance: Path, problem: str) -> None:
    instance.mkdir(exist_ok=True)
    if problem.startswith("damaged"):
        name = "queue.db" if problem == "damaged queue" else "chromi.db"
        (instance / name).write_bytes(b"SQLite format 3\0" + b"\xff" * 8176)
        return
    with closing(sqlite3.connect(instance / "chromi.db")) as connection:
        connection.execute("PRAGMA user_version = 999")

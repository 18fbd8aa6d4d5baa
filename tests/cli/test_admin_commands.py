"""`python -m chromi doctor`, `jobs` and `cleanup` from a shell."""

import os
import time
from pathlib import Path

import pytest

from chromi.db import Job, JobKind, State, database, open_database
from chromi.encoder import ConversionOptions
from tests.cli.conftest import RunCommand

pytestmark = pytest.mark.slow


def test_doctor_reports_missing_worker(run_command: RunCommand) -> None:
    completed = run_command("doctor")
    assert completed.returncode == 1
    lines = {line.split()[1]: line.split()[0] for line in completed.stdout.splitlines()}
    assert lines == {
        "database": "ok",
        "queue": "ok",
        "storage": "ok",
        "worker": "FAIL",
        "ffmpeg": "ok",
        "gifsicle": "ok",
        "sandbox": "ok",
        "disk": "ok",
        "hosts": "ok",
    }


def test_doctor_reports_healthy_service(run_command: RunCommand) -> None:
    assert run_command("doctor", CHROMI_INLINE="true").returncode == 0


def test_doctor_reports_missing_ffmpeg(run_command: RunCommand) -> None:
    completed = run_command("doctor", CHROMI_INLINE="true", IMAGEIO_FFMPEG_EXE="/nonexistent/ffmpeg")
    assert completed.returncode == 1
    assert "FAIL  ffmpeg" in completed.stdout
    assert "Traceback" not in completed.stderr


def test_jobs_shows_kinds_and_marks_stuck_jobs(run_command: RunCommand, tmp_path: Path) -> None:
    open_database(tmp_path / "instance")
    with database.connection_context():
        long_ago = time.time() - 1000
        options_json = ConversionOptions().to_dict()
        stuck = Job.create(
            options_json=options_json, state=State.IN_PROGRESS, heartbeat_at=long_ago, created_at=long_ago
        )
        alive = Job.create(
            kind=JobKind.LOOPS,
            options_json=options_json,
            state=State.IN_PROGRESS,
            heartbeat_at=time.time(),
        )
    lines = {line.split()[0]: line for line in run_command("jobs").stdout.splitlines()}
    assert lines[stuck.id].split()[1:3] == ["convert", "in_progress"]
    assert lines[stuck.id].endswith("STUCK")
    assert lines[alive.id].split()[1:3] == ["loops", "in_progress"]
    assert "STUCK" not in lines[alive.id]


def test_cleanup_reports_counts(run_command: RunCommand, tmp_path: Path) -> None:
    uploads = tmp_path / "instance/media/uploads"
    uploads.mkdir(parents=True)
    orphan = uploads / "incoming-x"
    orphan.write_bytes(b"x")
    os.utime(orphan, (1, 1))
    completed = run_command("cleanup")
    assert completed.returncode == 0
    assert "orphans removed: 1" in completed.stdout
    assert not orphan.exists()

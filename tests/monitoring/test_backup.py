"""A backup of a running service can be unpacked and served."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.db import open_database
from chromi.errors import ServiceUnhealthy
from chromi.monitoring import backup
from tests.support.paths import ROOT
from tests.support.processes import find_ffmpeg_processes
from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json, start_job
from tests.support.service_database import add_result
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


def run_backup(instance: Path, file: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "chromi", "backup", str(file)],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(instance)} | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_restored_backup_serves_links_and_continues_jobs(
    start_service: Callable[..., Service], heavy_clip: Path, tmp_path: Path
) -> None:
    service = start_service()
    finished_id, content = add_result(service, 1_000_000)
    links_path = f"/jobs/{finished_id}/links/"
    link_path = curl_json("-Fmax_uses=2", service.url + links_path)["url"].removeprefix(service.url)
    running_id = start_job(service, heavy_clip, quality="best", duration="10")
    wait_for(lambda: find_ffmpeg_processes(service.process.pid), "ffmpeg")

    file = tmp_path / "chromi.tar"
    completed = run_backup(service.instance, file)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.startswith(f"{file}: {file.stat().st_size} bytes")
    assert service.stop(signal.SIGINT) == 0  # does not wait for the running job

    restored = tmp_path / "restored"
    restored.mkdir()
    subprocess.run(["tar", "-xf", file, "-C", restored], check=True)
    restarted = start_service(instance=str(restored))
    gif_after = tmp_path / "after.gif"
    curl("-o", str(gif_after), restarted.url + link_path)
    assert gif_after.read_bytes() == content
    assert curl_json(restarted.url + links_path)["links"][0]["max_uses"] == 2
    # Its worker no longer exists. As after a crash, cleanup requeues the job when its lease expires.
    assert curl_json(f"{restarted.url}/jobs/{running_id}/")["status"] in ("queued", "in_progress")
    assert list((restored / "media/uploads").iterdir())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(instance=tmp_path / "instance", secret_key="k" * 16)
    open_database(settings.instance)
    return settings


def test_backup_is_readable_by_owner_only_and_leaves_no_temporary_files(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "backups/chromi.tar"
    file.parent.mkdir()
    backup.write_backup(settings, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert list((settings.instance / "media/work").iterdir()) == []
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["chromi.db"]
        assert all((member.mode, member.uid) == (0o600, 0) for member in archive)


def test_incomplete_files_are_not_in_backup(settings: Settings, tmp_path: Path) -> None:
    folder = settings.instance / "media"
    for name in (
        "uploads/incoming-x",
        "uploads/partial-1",
        "uploads/2",
        "uploads/2-stills/best.png",
        "uploads/2-stills/.best.png.partial",
        "results/.chromi-x.partial",
        "results/3.gif",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    backup.write_backup(settings, tmp_path / "chromi.tar")
    with tarfile.open(tmp_path / "chromi.tar") as archive:
        names = sorted(archive.getnames())
    uploads = ["media/uploads/2", "media/uploads/2-stills/best.png", "media/uploads/partial-1"]
    assert names == ["chromi.db", "media/results/3.gif", *uploads]


def test_backup_contains_rows_of_the_write_ahead_log_during_a_write(
    settings: Settings, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(settings.instance / "chromi.db", isolation_level=None)) as writer:
        writer.execute("INSERT INTO worker (id, created_at, seen_at) VALUES ('committed', 1, 1)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO worker (id, created_at, seen_at) VALUES ('uncommitted', 1, 1)")
        backup.write_backup(settings, tmp_path / "chromi.tar")
    with tarfile.open(tmp_path / "chromi.tar") as archive:
        archive.extract("chromi.db", tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as copy:
        assert copy.execute("SELECT id FROM worker").fetchall() == [("committed",)]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("existing", ["file", "link"])
def test_backup_does_not_overwrite_files(tmp_path: Path, settings: Settings, existing: str) -> None:
    file = tmp_path / "chromi.tar"
    if existing == "file":
        file.write_text("precious")
    else:
        file.symlink_to(tmp_path / "nowhere")
    completed = run_backup(settings.instance, file)
    assert completed.returncode == 1
    assert "already exists" in completed.stderr
    assert "Traceback" not in completed.stderr
    assert file.is_symlink() or file.read_text() == "precious"


def test_file_created_during_backup_is_not_overwritten(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chromi.tar"
    monkeypatch.setattr(os, "fsync", lambda descriptor: file.write_text("precious"))
    with pytest.raises(ServiceUnhealthy, match="already exists"):
        backup.write_backup(settings, file)
    assert file.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chromi.tar", "instance"]


def test_full_disk_leaves_no_partial_backup(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        backup.write_backup(settings, tmp_path / "chromi.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instance"]


@pytest.mark.parametrize(
    ("instance", "file", "message"),
    [("nowhere", "chromi.tar", "There is no database"), ("instance", "nowhere/chromi.tar", "Cannot write")],
)
def test_backup_errors_are_reported_in_one_sentence(
    tmp_path: Path, settings: Settings, instance: str, file: str, message: str
) -> None:
    completed = run_backup(tmp_path / instance, tmp_path / file)
    assert completed.returncode == 1
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr
    assert not (tmp_path / "nowhere").exists()


def test_backup_warns_that_key_from_environment_is_missing(settings: Settings, tmp_path: Path) -> None:
    completed = run_backup(settings.instance, tmp_path / "chromi.tar", CHROMI_SECRET_KEY="k" * 16)
    assert completed.returncode == 0
    assert "does not contain CHROMI_SECRET_KEY" in completed.stderr

"""A backup that is taken while the service works is a service when unpacked."""

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
from tests.support.service_client import curl, curl_json, start_job, wait_for_end
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


def test_links_work_and_jobs_go_on_after_a_restore(
    start_service: Callable[..., Service], heavy_clip: Path, plain_clip: Path, tmp_path: Path
) -> None:
    service = start_service()
    made = wait_for_end(service, start_job(service, plain_clip, duration="1"))
    links_url = f"{service.url}/jobs/{made['job_id']}/links/"
    shared = curl_json("-Fmax_uses=2", links_url)["url"].removeprefix(service.url)
    gif = tmp_path / "before.gif"
    curl("-o", str(gif), service.url + shared)
    running = start_job(service, heavy_clip, quality="best", duration="10")
    wait_for(lambda: find_ffmpeg_processes(service.process.pid), "ffmpeg")

    file = tmp_path / "chromi.tar"
    done = run_backup(service.instance, file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{file}: {file.stat().st_size} bytes")
    assert service.stop(signal.SIGINT) == 0  # the running job is of no use to this test any more

    restored = tmp_path / "restored"
    restored.mkdir()
    subprocess.run(["tar", "-xf", file, "-C", restored], check=True)
    again = start_service(instance=str(restored))
    got = tmp_path / "after.gif"
    curl("-o", str(got), again.url + shared)
    assert got.read_bytes() == gif.read_bytes()
    assert curl_json(f"{again.url}/jobs/{made['job_id']}/links/")["links"][0]["max_uses"] == 2
    # Its worker is not there: as after any crash, the sweep takes it up when its lease has run out.
    assert curl_json(f"{again.url}/jobs/{running}/")["status"] in ("queued", "in_progress")
    assert list((restored / "media/uploads").iterdir())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(instance=tmp_path / "instance", secret_key="k" * 16)
    open_database(settings.instance)
    return settings


def test_only_its_owner_can_read_it_and_nothing_is_left_beside(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "kept/chromi.tar"
    file.parent.mkdir()
    backup.write_backup(settings, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert list((settings.instance / "media/work").iterdir()) == []
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["chromi.db"]
        assert all((member.mode, member.uid) == (0o600, 0) for member in archive)


def test_what_is_being_written_is_not_in_it(settings: Settings, tmp_path: Path) -> None:
    folder = settings.instance / "media"
    for name in (
        "uploads/incoming-x",
        "uploads/partial-1",
        "uploads/2",
        "results/.chromi-x.partial",
        "results/3.gif",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    backup.write_backup(settings, tmp_path / "chromi.tar")
    with tarfile.open(tmp_path / "chromi.tar") as archive:
        kept = sorted(archive.getnames())
    assert kept == ["chromi.db", "media/results/3.gif", "media/uploads/2", "media/uploads/partial-1"]


def test_rows_that_are_only_in_the_log_are_in_it_and_a_writer_does_not_disturb(
    settings: Settings, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(settings.instance / "chromi.db", isolation_level=None)) as writer:
        writer.execute("INSERT INTO worker VALUES ('committed', 1, 1)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO worker VALUES ('not yet', 1, 1)")
        backup.write_backup(settings, tmp_path / "chromi.tar")
    with tarfile.open(tmp_path / "chromi.tar") as archive:
        archive.extract("chromi.db", tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "chromi.db")) as copy:
        assert copy.execute("SELECT id FROM worker").fetchall() == [("committed",)]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("there", ["file", "link"])
def test_it_replaces_nothing(tmp_path: Path, settings: Settings, there: str) -> None:
    file = tmp_path / "chromi.tar"
    if there == "file":
        file.write_text("precious")
    else:
        file.symlink_to(tmp_path / "nowhere")
    done = run_backup(settings.instance, file)
    assert done.returncode == 1
    assert "already exists" in done.stderr
    assert "Traceback" not in done.stderr
    assert file.is_symlink() or file.read_text() == "precious"


def test_a_name_that_is_taken_meanwhile_is_kept(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "chromi.tar"
    monkeypatch.setattr(os, "fsync", lambda descriptor: file.write_text("precious"))
    with pytest.raises(ServiceUnhealthy, match="already exists"):
        backup.write_backup(settings, file)
    assert file.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chromi.tar", "instance"]


def test_a_full_disk_leaves_no_half_of_it(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(OSError, match="No space left"):
        backup.write_backup(settings, tmp_path / "chromi.tar")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instance"]


@pytest.mark.parametrize(
    ("instance", "file", "words"),
    [("nowhere", "chromi.tar", "There is no database"), ("instance", "nowhere/chromi.tar", "Cannot use")],
)
def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, settings: Settings, instance: str, file: str, words: str
) -> None:
    done = run_backup(tmp_path / instance, tmp_path / file)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_key_from_the_environment_is_not_in_it_and_that_is_said(settings: Settings, tmp_path: Path) -> None:
    done = run_backup(settings.instance, tmp_path / "chromi.tar", CHROMI_SECRET_KEY="k" * 16)
    assert done.returncode == 0
    assert "CHROMI_SECRET_KEY is not in it" in done.stderr

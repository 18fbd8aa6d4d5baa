"""A worker is alive as long as it holds the lock on its file."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from chromi.storage.worker_locks import WorkerLocks
from tests.support.paths import ROOT

HOLD_LOCK = """
import sys, time
from pathlib import Path
from chromi.storage.worker_locks import WorkerLocks
WorkerLocks(Path(sys.argv[1])).hold("killed")
print("held", flush=True)
time.sleep(60)
"""


def test_killed_worker_is_found_dead(tmp_path: Path) -> None:
    locks = WorkerLocks(tmp_path)
    locks.hold("alive")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout
        worker.stdout.readline()
        assert list(locks.find_dead_workers()) == []
        worker.kill()
    assert list(locks.find_dead_workers()) == ["killed"]
    assert list(locks.find_dead_workers()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["alive"]


def test_dead_worker_is_found_again_if_handling_it_failed(tmp_path: Path) -> None:
    (tmp_path / "ended").touch()
    dead_workers = WorkerLocks(tmp_path).find_dead_workers()
    assert next(dead_workers) == "ended"
    assert list(WorkerLocks(tmp_path).find_dead_workers()) == [], "only one process handles a dead worker"
    dead_workers.close()
    assert list(WorkerLocks(tmp_path).find_dead_workers()) == ["ended"]


def test_lock_file_removed_during_creation_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finds and removes the new file before it is locked."""
    flock = fcntl.flock

    def remove_and_lock(descriptor: int, operation: int) -> None:
        monkeypatch.setattr("chromi.storage.worker_locks.fcntl.flock", flock)  # only the first lock is late
        assert list(WorkerLocks(tmp_path).find_dead_workers()) == ["new"]
        flock(descriptor, operation)

    monkeypatch.setattr("chromi.storage.worker_locks.fcntl.flock", remove_and_lock)
    WorkerLocks(tmp_path).hold("new")
    assert (tmp_path / "new").exists()
    assert list(WorkerLocks(tmp_path).find_dead_workers()) == []

"""A worker's lock says that it is alive, and nothing else does."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from chromi.storage.worker_locks import WorkerLocks
from tests.support.paths import ROOT

HOLD = """
import sys, time
from pathlib import Path
from chromi.storage.worker_locks import WorkerLocks
WorkerLocks(Path(sys.argv[1])).hold("killed")
print("held", flush=True)
time.sleep(60)
"""


def test_a_worker_has_ended_when_its_process_was_killed(tmp_path: Path) -> None:
    locks = WorkerLocks(tmp_path)
    locks.hold("alive")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout
        worker.stdout.readline()
        assert list(locks.find_dead_workers()) == []
        worker.kill()
    assert list(locks.find_dead_workers()) == ["killed"]
    assert list(locks.find_dead_workers()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["alive"]


def test_one_who_cannot_go_on_with_an_ended_worker_finds_it_again(tmp_path: Path) -> None:
    (tmp_path / "ended").touch()
    ended = WorkerLocks(tmp_path).find_dead_workers()
    assert next(ended) == "ended"
    assert list(WorkerLocks(tmp_path).find_dead_workers()) == [], "two look, and one takes it"
    ended.close()
    assert list(WorkerLocks(tmp_path).find_dead_workers()) == ["ended"]


def test_a_lock_that_is_taken_for_a_dead_workers_as_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there, and another process looks at it before it is locked."""
    lock, looked = fcntl.flock, []

    def look_first(descriptor: int, operation: int) -> None:
        if not looked:
            looked.append(None)
            assert list(WorkerLocks(tmp_path).find_dead_workers()) == ["new"]
        lock(descriptor, operation)

    monkeypatch.setattr("chromi.storage.worker_locks.fcntl.flock", look_first)
    WorkerLocks(tmp_path).hold("new")
    assert (tmp_path / "new").exists()
    assert list(WorkerLocks(tmp_path).find_dead_workers()) == []

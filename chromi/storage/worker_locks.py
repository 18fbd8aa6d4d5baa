"""Which workers are alive: each holds a lock on a file named after it.

The kernel releases a lock when its process ends, however it ends. So a killed worker is known at once, to
every process and after a restart, whatever the clock says and whoever has its process id since.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class WorkerLocks:
    """The lock files of one folder. A worker's id is used once and never again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, worker_id: str) -> None:
        """Say until this process ends that the worker is alive. Raises OSError."""
        path = self._folder / worker_id
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return
            os.close(descriptor)  # removed before it was locked, as a dead worker's

    def ended(self) -> Iterator[str]:
        """Give the workers that have ended, and forget each when the next is asked for.

        Raises OSError.
        """
        for path in list(self._folder.iterdir()):
            with _locked(path) as is_ours:
                if is_ours:
                    yield path.name
                    path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file; false when it is gone or another process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock_at_once(descriptor)
    finally:
        os.close(descriptor)


def _lock_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

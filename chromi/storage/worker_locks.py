"""Track which workers are alive: each holds a lock on a file named after it.

The kernel releases the lock whenever and however the process ends. Other processes therefore notice
immediately that a worker was killed, even after a restart, regardless of clock changes and reused process
ids.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class WorkerLocks:
    """The lock files in one folder. A worker id is never reused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, worker_id: str) -> None:
        """Hold the worker's lock until this process ends. Raises OSError."""
        path = self._folder / worker_id
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return
            os.close(descriptor)  # deleted before it was locked, as if it belonged to a dead worker

    def find_dead_workers(self) -> Iterator[str]:
        """Yield the ids of workers that have ended. Each file is deleted when the next id is requested.

        Raises OSError.
        """
        for path in list(self._folder.iterdir()):
            with _try_lock(path) as is_locked:
                if is_locked:
                    yield path.name
                    path.unlink(missing_ok=True)


@contextmanager
def _try_lock(path: Path) -> Iterator[bool]:
    """Lock a file. Yields False if it is gone or another process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock_without_waiting(descriptor)
    finally:
        os.close(descriptor)


def _lock_without_waiting(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

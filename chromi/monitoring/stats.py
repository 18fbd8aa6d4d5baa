"""Collect statistics about jobs, workers and disk usage for /metrics and the admin page."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import Any

from peewee import fn

from chromi.config import Settings
from chromi.db import WORKER_TIMEOUT_S, Job, State, Worker
from chromi.storage import Storage, files_in, size_of


@dataclass(frozen=True)
class Stats:
    """A snapshot of rows and files. Ages are in seconds."""

    jobs: dict[tuple[str, str], int]
    """Number of rows by kind and state."""
    oldest_queued_age_s: float | None
    """None if no job is queued."""
    worker_ages_s: dict[str, float]
    """Seconds since the last heartbeat of each worker, most recent first."""
    disk_free_bytes: int
    disk_total_bytes: int
    database_bytes: int
    """The database and the queue combined, as for `wal_bytes`."""
    wal_bytes: int
    media_bytes: dict[str, int]
    """Keyed by folder."""

    def count(self, state: str) -> int:
        """Return the number of jobs in a state."""
        return sum(count for (_, each), count in self.jobs.items() if each == state)

    @property
    def live_workers(self) -> int:
        return sum(age_s < WORKER_TIMEOUT_S for age_s in self.worker_ages_s.values())


def collect_stats(settings: Settings, storage: Storage) -> Stats:
    disk = shutil.disk_usage(settings.instance)
    databases = [settings.instance / name for name in ("chromi.db", "queue.db")]
    folders = (storage.uploads, storage.frames, storage.work, storage.results)
    return Stats(
        jobs=_count_jobs(),
        oldest_queued_age_s=_oldest_queued_age_s(),
        worker_ages_s=_worker_ages_s(),
        disk_free_bytes=disk.free,
        disk_total_bytes=disk.total,
        database_bytes=size_of(databases),
        wal_bytes=size_of(path.with_name(f"{path.name}-wal") for path in databases),
        media_bytes={folder.name: size_of(files_in(folder)) for folder in folders},
    )


def _count_jobs() -> dict[tuple[str, str], int]:
    rows: Any = Job.select(Job.kind, Job.state, fn.COUNT(Job.id)).group_by(Job.kind, Job.state).tuples()
    return {(kind, state): count for kind, state, count in rows}


def _oldest_queued_age_s() -> float | None:
    created_at = Job.select(fn.MIN(Job.created_at)).where(Job.state == State.QUEUED).scalar()
    return None if created_at is None else max(0.0, time.time() - created_at)


def _worker_ages_s() -> dict[str, float]:
    workers = Worker.select().order_by(Worker.seen_at.desc())
    # A heartbeat in the future was sent before a clock was set back.
    return {worker.id: abs(time.time() - worker.seen_at) for worker in workers}

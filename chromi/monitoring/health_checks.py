"""Check the health of everything that a conversion needs, for `/health/` and `python -m chromi doctor`."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from chromi.config import MB, QUEUES, Settings
from chromi.db import (
    DATABASE_ERRORS,
    CleanupLease,
    FilesOwner,
    Job,
    State,
    Worker,
    check_clock,
    check_integrity,
    database,
)
from chromi.encoder import inspect_ffmpeg, inspect_gifsicle, inspect_sandbox
from chromi.errors import ChromiError, ServiceUnhealthy
from chromi.jobs.queue import Queue
from chromi.jobs.queue_storage import QueueUnavailable
from chromi.process_hardening import require_sandbox
from chromi.storage import MIN_FREE_BYTES, Bucket, Storage

INTEGRITY_CHECK_INTERVAL_S = 60
WRITE_CHECK_INTERVAL_S = 5


@dataclass(frozen=True)
class Check:
    """The result of a check, with a sentence that describes it."""

    name: str
    ok: bool
    detail: str


def check_service(settings: Settings, queue: Queue, storage: Storage) -> list[Check]:
    """Run all checks independently of each other."""
    checks: dict[str, Callable[[], str]] = {
        "database": _check_database,
        "queue": lambda: _check_queue(queue),
        "storage": lambda: _check_storage(storage),
        "worker": lambda: _check_worker(settings),
        "ffmpeg": _check_ffmpeg,
        "gifsicle": _check_gifsicle,
        "sandbox": lambda: _check_sandbox(settings),
        "disk": lambda: _check_disk(settings),
        "hosts": lambda: _describe_hosts(settings),
    }
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except (ChromiError, *DATABASE_ERRORS, QueueUnavailable, sqlite3.Error, OSError) as error:
        return Check(name, False, str(error) or type(error).__name__)


def _check_database() -> str:
    check_clock()
    Job.select(Job.id).first()
    _check_integrity_once(int(time.monotonic() / INTEGRITY_CHECK_INTERVAL_S))
    _check_writable_once(int(time.monotonic() / WRITE_CHECK_INTERVAL_S))
    return "The database works."


@lru_cache(maxsize=1)
def _check_integrity_once(interval: int) -> None:
    """Check the whole database once per interval, because load balancers poll every second or two."""
    check_integrity()


@lru_cache(maxsize=1)
def _check_writable_once(interval: int) -> None:
    """Write to the database once per interval, because anyone may request health checks at any rate."""
    database.check_writable()


def _check_queue(queue: Queue) -> str:
    queue.huey.storage.check()
    running = Job.select().where(Job.state == State.IN_PROGRESS).count()
    return f"{queue.size()} waiting, {running} running."


def _check_storage(storage: Storage) -> str:
    storage.check_folders()
    if storage.bucket is None:
        if database.dialect == "postgresql" and not FilesOwner.is_owned_by(storage.node):
            raise ServiceUnhealthy("Another machine has started with this database and its own files.")
        return "Files are on this machine."
    _check_bucket_once(storage.bucket, int(time.monotonic() / WRITE_CHECK_INTERVAL_S))
    return "The bucket works."


@lru_cache(maxsize=1)
def _check_bucket_once(bucket: Bucket, interval: int) -> None:
    bucket.check()


def _check_worker(settings: Settings) -> str:
    if settings.inline:
        return "Jobs run inside the request."
    if not Worker.is_any_alive():
        raise ServiceUnhealthy("No worker is alive. Start the workers, or check their log.")
    for queue in QUEUES:
        if not Worker.is_any_alive(queue):
            raise ServiceUnhealthy(f"No worker serves the queue “{queue}”. Check CHROMI_QUEUES.")
    if not CleanupLease.was_held_recently():
        raise ServiceUnhealthy("No worker runs the cleanup, so nothing is deleted. Check CHROMI_SCHEDULER.")
    return "A worker is alive."


@cache
def _check_ffmpeg() -> str:
    """Run ffmpeg once. A failure is not cached, because exceptions are not."""
    report = inspect_ffmpeg()
    if report.missing:
        raise ServiceUnhealthy(f"ffmpeg {report.version} lacks {', '.join(report.missing)}.")
    return f"ffmpeg {report.version} has all required features."


@cache
def _check_gifsicle() -> str:
    return f"gifsicle {inspect_gifsicle()} works."


def _check_sandbox(settings: Settings) -> str:
    require_sandbox(settings)
    return str(inspect_sandbox())


def _check_disk(settings: Settings) -> str:
    free_bytes = shutil.disk_usage(settings.instance).free
    if free_bytes < MIN_FREE_BYTES:
        raise ServiceUnhealthy(f"Only {free_bytes // MB} MB free; {MIN_FREE_BYTES // MB} MB are required.")
    return f"{free_bytes // MB} MB free."


def _describe_hosts(settings: Settings) -> str:
    """Describe the allowed hosts.

    A private service may accept any hostname, so this is advice and never fails.
    """
    if settings.trusted_hosts:
        return f"Accepts the hostnames {', '.join(settings.trusted_hosts)}."
    return "Accepts any hostname, even in share links. On the internet, set CHROMI_TRUSTED_HOSTS."

"""What a conversion needs, looked at from outside: for `/health/` and for `python -m chromi doctor`."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

from peewee import DatabaseError

from chromi.config import MB, Settings
from chromi.db import Job, State, Worker, check_pages
from chromi.encoder import inspect_ffmpeg, inspect_gifsicle, inspect_sandbox
from chromi.errors import ChromiError, ServiceUnhealthy
from chromi.hardening import require_sandbox
from chromi.jobs.queue import Queue
from chromi.storage import MIN_FREE_BYTES

WHOLE_LOOK_INTERVAL_S = 60


@dataclass(frozen=True)
class Check:
    """One thing looked at: its name, whether it will do, and a sentence about it."""

    name: str
    ok: bool
    detail: str


def check_service(settings: Settings, queue: Queue) -> list[Check]:
    """Look at everything; no check can make another fail."""
    looks: dict[str, Callable[[], str]] = {
        "database": _look_at_database,
        "queue": lambda: _look_at_queue(queue),
        "worker": lambda: _look_at_worker(settings),
        "ffmpeg": _look_at_ffmpeg,
        "gifsicle": _look_at_gifsicle,
        "sandbox": lambda: _look_at_sandbox(settings),
        "disk": lambda: _look_at_disk(settings),
        "hosts": lambda: _say_hosts(settings),
    }
    return [_check(name, look) for name, look in looks.items()]


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (ChromiError, DatabaseError, sqlite3.Error, OSError) as trouble:
        return Check(name, False, str(trouble) or type(trouble).__name__)


def _look_at_database() -> str:
    Job.select(Job.id).first()
    _look_at_every_page(int(time.monotonic() / WHOLE_LOOK_INTERVAL_S))
    return "The database answers."


@lru_cache(maxsize=1)
def _look_at_every_page(moment: int) -> None:
    """Read the whole database, once at each moment: load balancers ask every second or two."""
    check_pages()


def _look_at_queue(queue: Queue) -> str:
    running = Job.select().where(Job.state == State.IN_PROGRESS).count()
    return f"{queue.size()} waiting, {running} running."


def _look_at_worker(settings: Settings) -> str:
    if settings.inline:
        return "Jobs run inside the request."
    if not Worker.is_any_alive():
        raise ServiceUnhealthy("No worker is alive: start the consumer, or look why it does not take jobs.")
    return "A worker is alive."


@cache
def _look_at_ffmpeg() -> str:
    """Run ffmpeg once; trouble is looked at anew each time, as a raised error is not remembered."""
    report = inspect_ffmpeg()
    if report.missing:
        raise ServiceUnhealthy(f"ffmpeg {report.version} lacks {', '.join(report.missing)}.")
    return f"ffmpeg {report.version} has all that is needed."


@cache
def _look_at_gifsicle() -> str:
    return f"gifsicle {inspect_gifsicle()} is there."


def _look_at_sandbox(settings: Settings) -> str:
    require_sandbox(settings)
    return str(inspect_sandbox())


def _look_at_disk(settings: Settings) -> str:
    free_bytes = shutil.disk_usage(settings.instance).free
    if free_bytes < MIN_FREE_BYTES:
        raise ServiceUnhealthy(f"Only {free_bytes // MB} MB free; {MIN_FREE_BYTES // MB} MB are needed.")
    return f"{free_bytes // MB} MB free."


def _say_hosts(settings: Settings) -> str:
    """Any name will do for a service of one's own, so this is advice and no trouble."""
    if settings.trusted_hosts:
        return f"Known as {', '.join(settings.trusted_hosts)}."
    return "Any host name is taken, share links included: on the internet set CHROMI_TRUSTED_HOSTS."

"""An open instance, and rows and files in it."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.db import Job, Link, State, Upload, database_connection, open_database
from chromi.db.connection import configure_database
from chromi.encoder import ConversionOptions
from chromi.jobs import recovery
from chromi.jobs.cleanup import CleanupReport, run_cleanup
from chromi.jobs.queue import Queue, open_service
from chromi.storage import Storage

LONG_AGO = time.time() - 100_000


class Enqueued(list[str]):
    """Replaces the queue and records the ids of enqueued jobs."""

    def __call__(self, job: Job) -> None:
        self.append(job.id)


class CleanUp:
    """Runs the cleanup with this many conversion tasks in the queue."""

    def __init__(self, settings: Settings, storage: Storage, enqueued: Enqueued) -> None:
        self._arguments = settings, storage
        self._enqueued = enqueued

    def __call__(self, task_count: int = 0) -> CleanupReport:
        return run_cleanup(*self._arguments, lambda: {"convert": task_count, "studio": 0}, self._enqueued)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def open_instance(
    request: pytest.FixtureRequest, storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setattr(recovery, "RECHECK_DELAY_S", 0)
    storage.create_folders()
    is_server = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if is_server else ""
    open_database(settings.instance, url)
    with database_connection():
        yield
    configure_database(settings.instance, "")


@pytest.fixture(
    params=["sqlite", *(pytest.param(name, marks=pytest.mark.slow) for name in ("postgres", "redis"))]
)
def queue_settings(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings for each engine."""
    servers = {} if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_settings")
    yield replace(settings, inline=False, **servers)
    configure_database(settings.instance, "")


@pytest.fixture
def queue(queue_settings: Settings) -> Iterator[Queue]:
    _, queue = open_service(queue_settings)
    with database_connection():
        yield queue
    queue.huey.storage.close()


@pytest.fixture
def enqueued() -> Enqueued:
    return Enqueued()


@pytest.fixture
def clean_up(open_instance: None, settings: Settings, storage: Storage, enqueued: Enqueued) -> CleanUp:
    return CleanUp(settings, storage, enqueued)


def create_upload(storage: Storage, *, used_at: float = LONG_AGO) -> Upload:
    upload = Upload.create(length_bytes=1, info_json={}, used_at=used_at)
    storage.upload_path(upload.id).write_bytes(b"x")
    return upload


def create_job(state: State, **fields: object) -> Job:
    defaults = {
        "options_json": ConversionOptions().to_dict(),
        "created_at": LONG_AGO,
        "finished_at": LONG_AGO,
    }
    return Job.create(state=state, **defaults | fields)


def create_result(storage: Storage, *, expires_at: float) -> Job:
    job = create_job(State.SUCCESS)
    storage.result_path(job.id).write_bytes(b"GIF")
    storage.source_frame_path(job.id).write_bytes(b"JPEG")
    Link.create(job=job, expires_at=expires_at, shared=False)
    return job


def create_frames(storage: Storage, upload_id: str, *, used_at: float, start_s: float = 0) -> Path:
    path = storage.frame_cache_path(upload_id, ConversionOptions(start_s=start_s).frame_cache_key())
    path.write_bytes(b"frames")
    os.utime(path, (used_at, used_at))
    return path


def make_old(path: Path) -> Path:
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path

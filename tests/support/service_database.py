"""Inspect and change the rows and files of a running service from outside."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from chromi.db import Job, Link, database, database_connection, open_database
from chromi.db.connection import configure_database
from chromi.encoder import ConversionOptions, ConversionResult
from chromi.storage import Storage
from tests.support.running_service import Service


@contextmanager
def open_rows(service: Service) -> Iterator[None]:
    """Use the models on the service's database."""
    open_database(service.instance)
    with database.connection_context():
        yield


@contextmanager
def open_server_rows(folder: Path, database_url: str) -> Iterator[None]:
    """Use the models on the database that several machines share."""
    open_database(folder, database_url)
    try:
        with database_connection():
            yield
    finally:
        configure_database(folder, "")


def make_job_older(job_id: str) -> None:
    """Set a job's creation to a minute earlier. Newer jobs are not enqueued again."""
    assert Job.update(created_at=Job.created_at - 60).where(Job.id == job_id).execute()


@contextmanager
def write_lock(service: Service, name: str = "chromi.db") -> Iterator[None]:
    """Hold a database's write lock, as another program might."""
    path = service.instance / name
    with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def add_result(service: Service, size_bytes: int) -> tuple[str, bytes]:
    """Add a finished job with a random file; return its id and the file's content."""
    with open_rows(service):
        return add_finished_job(Storage(service.instance), size_bytes)


def add_finished_job(storage: Storage, size_bytes: int) -> tuple[str, bytes]:
    """Add a finished job with a random file to the open database; return its id and the file's content."""
    content = os.urandom(size_bytes)
    result = ConversionResult(24, size_bytes, 100, 1280, 720, seconds={})
    job = Job.create(options_json=ConversionOptions(duration_s=1.0).to_dict())
    storage.result_path(job.id).write_bytes(content)
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.succeed({"result": result.to_dict()})
    Link.create(job=job, expires_at=time.time() + 3600, shared=False)
    return str(job.id), content


def query_value(service: Service, query: str, *values: str) -> Any:
    """Return the first value that a query finds, without waiting for locks."""
    with closing(sqlite3.connect(f"file:{service.instance}/chromi.db?mode=ro", uri=True)) as connection:
        found = connection.execute(query, values).fetchone()
        return found and found[0]


def web_process(service: Service) -> psutil.Process:
    [found] = [
        child
        for child in psutil.Process(service.process.pid).children()
        if "huey_consumer" not in " ".join(child.cmdline())
    ]
    return found


def result_names(service: Service) -> list[str]:
    return sorted(path.name for path in (service.instance / "media/results").iterdir())


def make_old(path: Path) -> None:
    """Set the modification time to hours ago."""
    long_ago = time.time() - 10_000
    os.utime(path, (long_ago, long_ago))

"""The queue runs jobs in the order of the queue positions that their pages show."""

import multiprocessing
from dataclasses import replace
from typing import Any

import pytest

from chromi.config import Settings
from chromi.db import Job, JobKind, database_connection
from chromi.errors import ServiceUnhealthy
from chromi.jobs import queue_engines
from chromi.jobs.queue import Queue, open_service
from chromi.jobs.queue_engines import open_engine
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer


def test_highest_priority_runs_first_and_the_oldest_among_equals(queue: Queue) -> None:
    jobs = [Job.create(priority=priority, options_json={}) for priority in (-1000, 0, -1000, -1, 0)]
    for job in jobs:
        queue.enqueue(job)
    expected = [jobs[index] for index in (1, 4, 3, 0, 2)]
    assert [job.queue_position for job in expected] == [0, 1, 2, 3, 4]
    claimed = [Job.claim_next([JobKind.CONVERT], "worker") for _ in range(queue.sizes()["convert"])]
    assert claimed == expected
    assert Job.claim_next([JobKind.CONVERT], "worker") is None


def test_worker_takes_only_jobs_of_its_queues(queue_settings: Settings) -> None:
    _, queue = open_service(replace(queue_settings, queues=("studio",)))
    with database_connection():
        for kind in (JobKind.CONVERT, JobKind.LOOPS):
            queue.enqueue(Job.create(kind=kind, options_json={}))
    assert queue.sizes() == {"convert": 1, "studio": 1}
    assert queue.huey.dequeue()
    assert queue.huey.dequeue() is None
    assert queue.sizes() == {"convert": 1, "studio": 0}
    queue.huey.storage.close()


def test_cleanup_task_keeps_its_expiry(queue: Queue) -> None:
    [task] = [task for task in queue.huey._registry.periodic_tasks if task.name == "cleanup"]
    queue.huey.enqueue(task)
    assert queue.huey.dequeue().expires_resolved == task.expires_resolved


@pytest.mark.slow
def test_several_processes_may_create_the_database_and_the_queue_at_once(queue_settings: Settings) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # so that six processes do not import everything
    barrier = context.Barrier(6)
    processes = [
        context.Process(target=open_service_together, args=(queue_settings, barrier))
        for _ in range(barrier.parties)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert [process.exitcode for process in processes] == [0] * barrier.parties


def open_service_together(settings: Settings, barrier: Any) -> None:
    barrier.wait(90)
    open_service(settings)


def test_queue_that_cannot_be_opened_is_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_engines, "LOCK_TIMEOUT_S", 0)
    (settings.instance / "queue.db").mkdir(parents=True)
    with pytest.raises(ServiceUnhealthy, match=r"queue\.db cannot be used: unable to open database file\."):
        open_service(settings)


@pytest.mark.slow
def test_missing_privilege_in_a_postgres_queue_is_reported_at_once(
    settings: Settings, postgres: PostgresServer
) -> None:
    url = postgres.create_database_without_privileges()
    with pytest.raises(ServiceUnhealthy, match="cannot be used: permission denied for schema public$"):
        open_engine(replace(settings, database_url=url, secret_key="a key for all machines"))


@pytest.mark.slow
@pytest.mark.parametrize("password", ["", ":a-wrong-password@"])
def test_missing_or_wrong_password_of_redis_is_reported(
    settings: Settings,
    postgres_settings: dict[str, str],
    redis: RedisServer,
    password: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_engines, "REDIS_RETRIES", 1)  # three would take seconds
    url = f"redis://{password}127.0.0.1:{redis.port}"
    with pytest.raises(ServiceUnhealthy, match="cannot be used: its password is missing or wrong"):
        open_engine(replace(settings, **postgres_settings, queue_url=url))

"""Measure how Chromi grows: `make bench-scale`, or `python -m benchmarks.scale [--jobs N] [CLIP]`.

Starts PostgreSQL, Redis and an S3 server on the loopback interface, in temporary folders. Prints what the
queue costs per job and how soon an idle worker starts a job, then how many conversions per minute one, two
and four workers finish. The engines take turns, so that a slow minute affects all alike. Without CLIP, it
generates ten seconds of 1080p.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.service import ROOT, make_clip
from chromi.config import Settings
from chromi.db import FINAL_STATES, Job, JobKind, State, Upload, database_connection
from chromi.db.connection import configure_database
from chromi.encoder import ConversionOptions, Progress, probe_video
from chromi.jobs.queue import Queue, open_service
from chromi.storage import Storage
from tests.support.postgres_server import run_postgres
from tests.support.redis_server import run_redis
from tests.support.s3_server import CREDENTIALS, run_s3

ROUNDS = 3
JOBS_PER_ROUND = 200
PICKUPS = 8
IDLE_S = 4.0
"""Long enough for the worker to poll at its slowest rate."""
WORKER_COUNTS = (1, 2, 4)


@dataclass
class Engine:
    """One combination of servers, with its figures."""

    name: str
    folder: Path
    servers: dict[str, str]
    submit_ms: list[float] = field(default_factory=list)
    take_ms: list[float] = field(default_factory=list)
    pickups_ms: list[float] = field(default_factory=list)

    def settings(self) -> Settings:
        return Settings(instance=self.folder, **self.servers)  # type: ignore[arg-type]

    def environ(self, folder: Path, workers: int) -> dict[str, str]:
        names = {**self.servers, "instance": str(folder), "workers": str(workers), "env_file": os.devnull}
        return os.environ | {f"CHROMI_{name.upper()}": text for name, text in names.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", nargs="?", type=Path)
    parser.add_argument(
        "--jobs", type=int, default=8, help="conversions for each number of workers (default 8)"
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are stopped, too
    os.environ |= CREDENTIALS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chromi-bench-")))
        clip = arguments.clip or make_clip(folder / "clip.mp4")
        engines = start_engines(stack, folder)
        for _ in range(ROUNDS):
            for engine in engines:
                measure_queue(engine)
        for engine in engines:
            measure_pickups(engine, clip)
        print_queue_table(engines)
        print_throughput_table([engines[0], engines[-1]], clip, arguments.jobs)


def start_engines(stack: ExitStack, folder: Path) -> list[Engine]:
    """Start the servers until the end of the stack."""
    postgres = stack.enter_context(run_postgres(durable=True))
    redis = stack.enter_context(run_redis())
    s3 = stack.enter_context(run_s3())

    def servers(**queue: str) -> dict[str, str]:
        shared = {"database_url": postgres.create_database(), "storage_url": s3.take_bucket()}
        return {**shared, **queue, "secret_key": "a key for all machines"}

    return [
        Engine("SQLite", folder / "sqlite", {}),
        Engine("PostgreSQL", folder / "postgres", servers()),
        Engine("PostgreSQL and Redis", folder / "redis", servers(queue_url=redis.clear())),
    ]


@contextmanager
def opened(engine: Engine) -> Iterator[tuple[Storage, Queue]]:
    storage, queue = open_service(engine.settings())
    with database_connection():
        yield storage, queue
    queue.huey.storage.close()
    configure_database(engine.folder, "")


# -- the queue alone ---------------------------------------------------------------------------------------


def measure_queue(engine: Engine) -> None:
    """Take jobs through the queue and all their states in one process, without converting anything."""
    with opened(engine) as (_, queue):
        start = time.perf_counter()
        for _ in range(JOBS_PER_ROUND):
            queue.enqueue(Job.create(options_json=ConversionOptions().to_dict()))
        submitted = time.perf_counter()
        for _ in range(JOBS_PER_ROUND):
            assert queue.huey.dequeue() is not None
            job = Job.claim_next([JobKind.CONVERT], "bench")
            assert job
            job.report(Progress("reading", 0.5, ""))
            assert job.succeed({})
        taken = time.perf_counter()
        Job.delete().execute()
    engine.submit_ms.append((submitted - start) / JOBS_PER_ROUND * 1000)
    engine.take_ms.append((taken - submitted) / JOBS_PER_ROUND * 1000)


def measure_pickups(engine: Engine, clip: Path) -> None:
    """Start jobs while the worker is idle. Its clock is ours, so its row says how long the job waited."""
    with opened(engine) as (storage, queue), running_workers(engine, 1):
        upload = publish_clip(storage, clip)
        finish([start_job(queue, upload, 0, duration_s=1)])  # once, so that the worker has started
        for number in range(1, PICKUPS + 1):
            time.sleep(IDLE_S)
            [job] = finish([start_job(queue, upload, number, duration_s=1)])
            engine.pickups_ms.append((job.started_at - job.created_at) * 1000)


def print_queue_table(engines: list[Engine]) -> None:
    print("\n| rows and queue | submit a job | take and finish it | idle worker starts it: median, slowest |")
    print("|---|---|---|---|")
    for engine in engines:
        submit_ms, take_ms = statistics.median(engine.submit_ms), statistics.median(engine.take_ms)
        pickups = f"{statistics.median(engine.pickups_ms):.0f} ms, {max(engine.pickups_ms):.0f} ms"
        print(f"| {engine.name} | {submit_ms:.1f} ms | {take_ms:.1f} ms | {pickups} |")


# -- conversions -------------------------------------------------------------------------------------------


def print_throughput_table(engines: list[Engine], clip: Path, job_count: int) -> None:
    print(f"\n| workers | {' | '.join(f'{engine.name}: jobs per minute, CPU' for engine in engines)} |")
    print(f"|---|{'---|' * len(engines)}", flush=True)
    for workers in WORKER_COUNTS:
        cells = []
        for engine in engines:
            jobs_per_minute, cpu_percent = measure_throughput(engine, clip, workers, job_count)
            cells.append(f"{jobs_per_minute:.1f}, {cpu_percent:.0f}%")
        print(f"| {workers} | {' | '.join(cells)} |", flush=True)


def measure_throughput(engine: Engine, clip: Path, workers: int, job_count: int) -> tuple[float, float]:
    """Return the conversions per minute, from the first start to the last end, and the use of all cores."""
    with opened(engine) as (storage, queue):
        upload = publish_clip(storage, clip)
        jobs = [start_job(queue, upload, number) for number in range(job_count)]
        with running_workers(engine, workers):
            wait_for_start(jobs)
            psutil.cpu_percent()
            done = finish(jobs)
            cpu_percent = psutil.cpu_percent()
    duration_s = max(job.finished_at for job in done) - min(job.started_at for job in done)
    return job_count / duration_s * 60, cpu_percent


@contextmanager
def running_workers(engine: Engine, count: int) -> Iterator[None]:
    """Run this many workers: in one service if files are local, otherwise as separate machines."""
    is_shared = "storage_url" in engine.servers
    groups = (
        [(engine.folder / f"worker-{number}", 1) for number in range(count)]
        if is_shared
        else [(engine.folder, count)]
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "chromi", "worker"],
            cwd=ROOT,
            env=engine.environ(folder, workers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for folder, workers in groups
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(120)


def publish_clip(storage: Storage, clip: Path) -> Upload:
    upload = Upload.create(length_bytes=clip.stat().st_size, info_json=probe_video(clip).to_dict())
    path = storage.upload_path(upload.id)
    shutil.copy(clip, path)
    storage.publish(path)
    return upload


def start_job(queue: Queue, upload: Upload, number: int, *, duration_s: float = 6) -> Job:
    """Start a conversion whose frames no earlier job has extracted."""
    options = ConversionOptions(start_s=number / 10, duration_s=duration_s)
    job = Job.create(upload=upload, options_json=options.to_dict())
    queue.enqueue(job)
    return job


def wait_for_start(jobs: list[Job]) -> None:
    ids = [job.id for job in jobs]
    while not Job.select().where(Job.id.in_(ids), Job.state != State.QUEUED).exists():
        time.sleep(0.05)


def finish(jobs: list[Job]) -> list[Job]:
    """Wait until all jobs have succeeded, and return their rows."""
    ids = [job.id for job in jobs]
    while Job.select().where(Job.id.in_(ids), Job.state.not_in(FINAL_STATES)).exists():
        time.sleep(0.05)
    rows = list(Job.select().where(Job.id.in_(ids)))
    assert all(row.state == State.SUCCESS for row in rows), [row.error_code for row in rows]
    return rows


if __name__ == "__main__":
    main()

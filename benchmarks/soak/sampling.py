"""Sample the resources of a running service from outside, every few seconds."""

from __future__ import annotations

import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType

import psutil

from chromi.storage import files_in, size_of

Sample = dict[str, float]
"""Values by name, for example `web: memory, MB`."""

MB = 1_000_000
FOLDERS = ("media/uploads", "media/frames", "media/work", "media/results", "tmp")


class Sampler:
    """Takes a sample every `interval_s` seconds until the end of its `with` block."""

    def __init__(self, take_sample: Callable[[], Sample], *, interval_s: float) -> None:
        self.take_sample = take_sample
        self.samples: list[Sample] = []
        self._interval_s = interval_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample_until_done(self) -> None:
        while not self._done.wait(self._interval_s):
            self.samples.append(self.take_sample())


def take_sample(pid: int, url: str, instance: Path) -> Sample:
    """Take a sample of the service whose supervisor is process `pid`."""
    return {
        **_sample_processes(pid),
        **_sample_disk(instance),
        "queue: jobs": _count_unfinished_jobs(instance),
        "health: ms": _measure_health_ms(url),
    }


def _sample_processes(pid: int) -> Sample:
    """Return memory, descriptors and threads by role. Short-lived converters are only counted."""
    sample: Sample = {}
    for role, process in _list_processes(pid):
        with suppress(psutil.Error), process.oneshot():
            if role == "converter":
                sample["converters"] = sample.get("converters", 0) + 1
                continue
            sample[f"{role}: memory, MB"] = round(process.memory_info().rss / MB, 1)
            sample[f"{role}: threads"] = process.num_threads()
            sample[f"{role}: descriptors"] = process.num_fds()  # readable by root only
    return sample


def _list_processes(pid: int) -> Iterator[tuple[str, psutil.Process]]:
    supervisor = psutil.Process(pid)
    yield "supervisor", supervisor
    for child in supervisor.children():
        with suppress(psutil.Error):
            if "huey_consumer" not in " ".join(child.cmdline()):
                yield "web", child
                yield from (("converter", process) for process in child.children(recursive=True))
                continue
            yield "consumer", child
            for number, worker in enumerate(sorted(child.children(), key=psutil.Process.create_time)):
                yield f"worker {number}" if number else "scheduler", worker  # which starts first
                yield from (("converter", process) for process in worker.children(recursive=True))


def _sample_disk(instance: Path) -> Sample:
    files = {name: files_in(instance / name) for name in FOLDERS}
    files |= {"databases": instance.glob("*.db"), "WAL": instance.glob("*.db-wal")}
    return {f"disk: {name}, MB": size_of(paths) / MB for name, paths in files.items()}


def _count_unfinished_jobs(instance: Path) -> int:
    with closing(sqlite3.connect(f"file:{instance}/chromi.db?mode=ro", uri=True, timeout=10)) as database:
        query = "SELECT count(*) FROM job WHERE state IN ('queued', 'in_progress')"
        return int(database.execute(query).fetchone()[0])


def _measure_health_ms(url: str) -> float:
    started_at = time.perf_counter()
    with (
        suppress(OSError),  # an error or a timeout: the duration counts
        urllib.request.urlopen(f"{url}/health/", timeout=60) as response,
    ):
        response.read()
    return round((time.perf_counter() - started_at) * 1000, 1)

"""What a running service takes, looked at from outside every few seconds."""

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
"""A name such as `web: memory, MB` and its value at one moment."""

MB = 1_000_000
FOLDERS = ("media/uploads", "media/frames", "media/work", "media/results", "tmp")


class Watch:
    """Takes a sample every `every_s` seconds until the end of its block."""

    def __init__(self, look: Callable[[], Sample], *, every_s: float) -> None:
        self.look = look
        self.samples: list[Sample] = []
        self._every_s = every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            self.samples.append(self.look())


def look_at(pid: int, url: str, instance: Path) -> Sample:
    """Take a sample of a service now."""
    return {
        **_processes(pid),
        **_disk(instance),
        "queue: jobs": _unfinished(instance),
        "health: ms": _health_ms(url),
    }


def _processes(pid: int) -> Sample:
    """Memory, descriptors and threads by role; what converts comes and goes, so it is counted only."""
    found: Sample = {}
    for role, process in _family(pid):
        with suppress(psutil.Error), process.oneshot():
            if role == "converter":
                found["converters"] = found.get("converters", 0) + 1
                continue
            found[f"{role}: memory, MB"] = round(process.memory_info().rss / MB, 1)
            found[f"{role}: threads"] = process.num_threads()
            found[f"{role}: descriptors"] = process.num_fds()  # only root can tell
    return found


def _family(pid: int) -> Iterator[tuple[str, psutil.Process]]:
    supervisor = psutil.Process(pid)
    yield "supervisor", supervisor
    for child in supervisor.children():
        with suppress(psutil.Error):
            if "huey_consumer" not in " ".join(child.cmdline()):
                yield "web", child
                yield from (("converter", process) for process in child.children(recursive=True))
                continue
            yield "consumer", child
            for number, worker in enumerate(sorted(child.children(), key=lambda one: one.create_time())):
                yield f"worker {number}" if number else "scheduler", worker  # that is started first
                yield from (("converter", process) for process in worker.children(recursive=True))


def _disk(instance: Path) -> Sample:
    files = {name: files_in(instance / name) for name in FOLDERS}
    files |= {"databases": instance.glob("*.db"), "WAL": instance.glob("*.db-wal")}
    return {f"disk: {name}, MB": size_of(found) / MB for name, found in files.items()}


def _unfinished(instance: Path) -> int:
    with closing(sqlite3.connect(f"file:{instance}/chromi.db?mode=ro", uri=True, timeout=10)) as database:
        asked = "SELECT count(*) FROM job WHERE state IN ('queued', 'in_progress')"
        return int(database.execute(asked).fetchone()[0])


def _health_ms(url: str) -> float:
    start = time.perf_counter()
    with (
        suppress(OSError),  # unwell, or silent for a minute: the time tells
        urllib.request.urlopen(f"{url}/health/", timeout=60) as answer,
    ):
        answer.read()
    return round((time.perf_counter() - start) * 1000, 1)

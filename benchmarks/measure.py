"""Run a program and see what it takes: time, processor time and memory of all its processes together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

Command = Sequence[str | Path]

TIMEOUT_S = 900.0
"""Nothing that is compared takes a quarter of that on two cores."""

SAMPLE_EVERY_S = 0.05
_WORTH_A_LOOK = 1.03
_LONGEST_REASON_CHARS = 200


class Failed(Exception):
    """A program ended with an error or took too long; the message says which."""


@dataclass(frozen=True)
class Usage:
    """What one run took; `cpu_s` is user and system time of the whole process tree."""

    wall_s: float
    cpu_s: float
    peak_bytes: int

    def after(self, earlier: Usage) -> Usage:
        """Return what both take, one after the other."""
        peak_bytes = max(self.peak_bytes, earlier.peak_bytes)
        return Usage(self.wall_s + earlier.wall_s, self.cpu_s + earlier.cpu_s, peak_bytes)


def run(command: Command, *, cwd: Path, timeout_s: float = TIMEOUT_S) -> Usage:
    """Run `command` in the folder `cwd` until it ends. Raises Failed."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = _start(command, cwd, log.fileno())
        timer = threading.Timer(timeout_s, _kill_group, (process.pid,))
        timer.start()
        try:
            with MemoryWatch(process.pid, SAMPLE_EVERY_S) as memory:
                # wait4, because it tells the time of this one child and of all that it has waited for.
                _, status, spent = os.wait4(process.pid, 0)
                wall_s = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            if process.returncode is None:
                _kill_group(process.pid)
                process.wait()
        if process.returncode:
            raise Failed(_reason(process.returncode, log.fileno(), wall_s, timeout_s))
    return Usage(wall_s, spent.ru_utime + spent.ru_stime, memory.peak_bytes)


def ask(command: Command, *, cwd: Path | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """Run `command` unmeasured and return all that it printed. Raises Failed."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)[-_LONGEST_REASON_CHARS:]) from error
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise Failed(text.strip()[-_LONGEST_REASON_CHARS:] or f"ended with {done.returncode}")
    return text


class MemoryWatch:
    """Note the largest sum of what a process and its descendants hold, shared pages counted once (PSS).

    The kernel takes milliseconds to add up the PSS of a large process and holds it up meanwhile, so that is
    asked for only when the RSS, which costs nothing, has grown by 3 % since the last time.
    """

    def __init__(self, pid: int, every_s: float = 0.1) -> None:
        self.peak_bytes = 0
        self._every_s = every_s
        self._seen_rss = 0.0
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            try:
                family = [self._root, *self._root.children(recursive=True)]
            except psutil.Error:
                return  # the process has just ended
            rss = sum(_bytes_of(process, shared_once=False) for process in family)
            if rss > self._seen_rss * _WORTH_A_LOOK:
                self._seen_rss = rss
                pss = sum(_bytes_of(process, shared_once=True) for process in family)
                self.peak_bytes = max(self.peak_bytes, pss)


def _bytes_of(process: psutil.Process, *, shared_once: bool) -> int:
    try:
        return int(process.memory_full_info().pss if shared_once else process.memory_info().rss)
    except psutil.AccessDenied:  # only root can tell what Chromi's own processes share
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0  # it has just ended


def _start(command: Command, cwd: Path, log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("CHROMI_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,  # so that its group can be ended, and nothing else
    )


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _reason(exit_code: int, log: int, wall_s: float, timeout_s: float) -> str:
    if wall_s >= timeout_s:
        return f"ended after {timeout_s:.0f} s"
    size = os.fstat(log).st_size
    text = os.pread(log, 4096, max(0, size - 4096)).decode("utf-8", "replace").strip()
    last = text.splitlines()[-1] if text else ""
    return f"ended with {exit_code}: {last}"[:_LONGEST_REASON_CHARS]

"""Run a program and measure the time, CPU time and memory of all its processes together."""

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
"""On two cores, no tool takes a quarter of this time."""

SAMPLE_INTERVAL_S = 0.05
_MIN_RSS_GROWTH = 1.03
_MAX_REASON_CHARS = 200


class CommandFailed(Exception):
    """A program ended with an error or took too long. The message is the reason."""


@dataclass(frozen=True)
class Usage:
    """What one run needed. `cpu_s` is the user and system time of the whole process tree."""

    wall_s: float
    cpu_s: float
    peak_bytes: int

    def after(self, earlier: Usage) -> Usage:
        """Return the usage of both runs, one after the other."""
        peak_bytes = max(self.peak_bytes, earlier.peak_bytes)
        return Usage(self.wall_s + earlier.wall_s, self.cpu_s + earlier.cpu_s, peak_bytes)


def run(command: Command, *, cwd: Path, timeout_s: float = TIMEOUT_S) -> Usage:
    """Run `command` in the folder `cwd` and return its usage. Raises CommandFailed."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = _start(command, cwd, log.fileno())
        timer = threading.Timer(timeout_s, _kill_group, (process.pid,))
        timer.start()
        try:
            with PeakMemorySampler(process.pid, SAMPLE_INTERVAL_S) as memory:
                # wait4 returns the CPU time of this child and of all the children that it has waited for.
                _, status, usage = os.wait4(process.pid, 0)
                wall_s = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            timer.cancel()
            if process.returncode is None:
                _kill_group(process.pid)
                process.wait()
        if process.returncode:
            raise CommandFailed(_describe_failure(process.returncode, log.fileno(), wall_s, timeout_s))
    return Usage(wall_s, usage.ru_utime + usage.ru_stime, memory.peak_bytes)


def run_and_capture(command: Command, *, cwd: Path | None = None, timeout_s: float = TIMEOUT_S) -> str:
    """Run `command` and return its output. Raises CommandFailed."""
    try:
        done = subprocess.run(
            [str(argument) for argument in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandFailed(str(error)[-_MAX_REASON_CHARS:]) from error
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise CommandFailed(text.strip()[-_MAX_REASON_CHARS:] or f"ended with {done.returncode}")
    return text


class PeakMemorySampler:
    """Samples the memory of a process and its descendants, with shared pages counted once (PSS).

    The kernel takes milliseconds to compute the PSS of a large process, and stops the process meanwhile. The
    PSS is therefore read only if the RSS, which costs nothing, has grown by 3 % since the last time.
    """

    def __init__(self, pid: int, interval_s: float = 0.1) -> None:
        self.peak_bytes = 0
        self._interval_s = interval_s
        self._last_rss_bytes = 0.0
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done)

    def __enter__(self) -> PeakMemorySampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample_until_done(self) -> None:
        while not self._done.wait(self._interval_s):
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.Error:
                return  # the process has just ended
            rss_bytes = sum(_memory_bytes(process, is_pss=False) for process in processes)
            if rss_bytes > self._last_rss_bytes * _MIN_RSS_GROWTH:
                self._last_rss_bytes = rss_bytes
                pss_bytes = sum(_memory_bytes(process, is_pss=True) for process in processes)
                self.peak_bytes = max(self.peak_bytes, pss_bytes)


def _memory_bytes(process: psutil.Process, *, is_pss: bool) -> int:
    try:
        return int(process.memory_full_info().pss if is_pss else process.memory_info().rss)
    except psutil.AccessDenied:  # only root can read the PSS of Chromi's processes
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0  # it has just ended


def _start(command: Command, cwd: Path, log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(argument) for argument in command],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("CHROMI_")}
        | {"CHROMI_ENV_FILE": os.devnull},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,  # a process group of its own, which can be killed
    )


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _describe_failure(exit_code: int, log: int, wall_s: float, timeout_s: float) -> str:
    if wall_s >= timeout_s:
        return f"ended after {timeout_s:.0f} s"
    size = os.fstat(log).st_size
    text = os.pread(log, 4096, max(0, size - 4096)).decode("utf-8", "replace").strip()
    last_line = text.splitlines()[-1] if text else ""
    return f"ended with {exit_code}: {last_line}"[:_MAX_REASON_CHARS]

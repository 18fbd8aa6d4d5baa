"""Run a program (ffmpeg, gifsicle) with resource limits in a sandbox, and always kill and reap it."""

import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import ConverterKilled, EncodeError, OutOfMemory, TimedOut
from chromi.encoder.process import sandbox
from chromi.encoder.process.available_memory import limit_to_available
from chromi.encoder.process.launcher import EXIT_TEMPORARY_FAILURE
from chromi.errors import DiskFull

_TICK_S = 0.1
_MAX_LINE_BYTES = 64 * 1024
_MAX_LOG_LINES = 30
_MAX_LOG_LINE_CHARS = 300
_ENOMEM_MESSAGE = "Cannot allocate memory"
_ALLOCATION_FAILED = re.compile(
    r"(?:can|could )not allocate|(?:get_buffer|pthread_create)\(\) failed", re.IGNORECASE
)
"""What ffmpeg logs if an allocation fails: in general, for a frame, or for a thread."""


@dataclass(frozen=True)
class ProcessLimits:
    """The resources that a process may use before it is killed.

    `timeout_s` is wall-clock time. `max_memory_bytes` limits writable memory (RLIMIT_DATA) and is reduced on
    a small machine. Converting 4K ProRes with alpha takes 0.8 GiB; other 4K clips take 0.35 GiB.
    """

    timeout_s: float
    max_file_bytes: int
    max_memory_bytes: int = 1536 * 1024**2

    @property
    def max_cpu_s(self) -> int:
        """CPU time of all threads: a safeguard in case this process dies and cannot enforce `timeout_s`."""
        return int(self.timeout_s * (os.cpu_count() or 1)) + 1


@dataclass(frozen=True)
class ProcessResult:
    """How a process ended: its exit code (negative for a signal) and the end of its log."""

    exit_code: int
    log: str

    def check(self) -> None:
        """Raise the most specific EncodeError unless the process succeeded."""
        # When ffmpeg runs out of memory, it drops what it cannot decode and may still exit with 0.
        if self.exit_code == 0 and _ENOMEM_MESSAGE not in self.log:
            return
        if "No space left on device" in self.log:
            raise DiskFull(detail=self.log)
        self.check_not_killed()
        if self._has_allocation_failure:
            raise OutOfMemory(detail=self.log)
        raise EncodeError(detail=f"exited with {self.exit_code}: {self.log}")

    def check_not_killed(self) -> None:
        """Raise ConverterKilled if another process killed it, or if the machine lacked resources to start it.

        A process killed by `run_program` itself has no result.
        """
        if self.exit_code in (-signal.SIGKILL, EXIT_TEMPORARY_FAILURE):
            raise ConverterKilled(detail=self.log)

    def check_memory(self) -> None:
        """Raise OutOfMemory if the process failed because of its memory limit."""
        if self.exit_code and self._has_allocation_failure:
            raise OutOfMemory(detail=self.log)

    @property
    def _has_allocation_failure(self) -> bool:
        has_too_many_streams = "exceeds max_streams" in self.log  # ffmpeg also reports this as ENOMEM
        return not has_too_many_streams and bool(_ALLOCATION_FAILED.search(self.log))


def ignore_line(line: str) -> None:
    """Ignore a line of output."""


LogReader = Callable[[str], bool | None]
"""Called with each line of a program's log. If it returns True, the line is left out of the result's log,
which is for errors."""


def run_program(
    command: Sequence[str],
    *,
    limits: ProcessLimits,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    descriptors: Sequence[int] = (),
    on_output: Callable[[str], None] = ignore_line,
    on_log: LogReader = ignore_line,
    on_tick: Callable[[], None] = lambda: None,
) -> ProcessResult:
    """Run `command` until it ends, passing on each line of its stdout and stderr as soon as it is written.

    The first word is the program's path. The program inherits the open `descriptors`, may read the files in
    `reads`, and may read and write the files in `writes`. Missing `writes` are created empty beforehand,
    because the program cannot create files. If the kernel supports it, the sandbox denies access to
    everything else (see `sandbox.py`).

    `on_tick` is called ten times a second, even if the program prints nothing. An exception from any
    callback, including KeyboardInterrupt, kills the program and is re-raised. Raises TimedOut, and OSError if
    a file cannot be created. If a program cannot be started, its exit code is EXIT_CANNOT_START.
    """
    deadline = time.monotonic() + limits.timeout_s
    log = _LogTail(on_log)

    def check() -> None:
        on_tick()
        if time.monotonic() > deadline:
            raise TimedOut(detail=f"killed after {limits.timeout_s:.0f} s: {log.text}")

    for path in writes:
        path.touch()
    active_sandbox = sandbox.detect_sandbox()
    with (
        active_sandbox.launcher_arguments(Path(command[0]), reads=reads, writes=writes) as (words, rulesets),
        _start([*words, *command], limits, [*descriptors, *rulesets]) as process,
    ):
        for _ in _read_pipes(process, on_output, log.read):
            check()
        while (exit_code := _wait(process)) is None:  # a program may close its pipes and go on
            check()
        return ProcessResult(exit_code, log.text)


class _LogTail:
    """Keeps the last lines of a program's log, except those that `on_log` recognizes."""

    def __init__(self, on_log: LogReader) -> None:
        self._on_log = on_log
        self._lines: deque[str] = deque(maxlen=_MAX_LOG_LINES)

    def read(self, line: str) -> None:
        if not self._on_log(line):
            printable = (char if char.isprintable() else "?" for char in line[:_MAX_LOG_LINE_CHARS])
            self._lines.append("".join(printable))

    @property
    def text(self) -> str:
        return " | ".join(self._lines)


@contextmanager
def _start(
    launcher_words: Sequence[str], limits: ProcessLimits, descriptors: Sequence[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the launcher in its own process group; on exit, kill and reap the program if still running."""
    max_memory_bytes = limit_to_available(limits.max_memory_bytes)
    numbers = (os.getpid(), limits.max_cpu_s, max_memory_bytes, limits.max_file_bytes)
    with subprocess.Popen(  # noqa: S603  no shell, and no word of the command comes from a request
        [*sandbox.LAUNCHER_COMMAND, *map(str, numbers), *launcher_words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=descriptors,
        start_new_session=True,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": tempfile.gettempdir()},
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    """Return the exit code, or None if the process is still running after `_TICK_S`."""
    try:
        return process.wait(_TICK_S)
    except subprocess.TimeoutExpired:
        return None


def _read_pipes(
    process: subprocess.Popen[bytes], on_output: Callable[[str], None], on_log: Callable[[str], None]
) -> Iterator[None]:
    """Pass on lines until both pipes close, yielding at least every `_TICK_S`."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, _LineSplitter(on_output))  # type: ignore[arg-type]
        selector.register(process.stderr, selectors.EVENT_READ, _LineSplitter(on_log))  # type: ignore[arg-type]
        while selector.get_map():  # the pipes close at the latest when the process ends: it has no children
            for key, _ in selector.select(_TICK_S):
                chunk = os.read(key.fd, _MAX_LINE_BYTES)
                key.data.feed(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            yield


class _LineSplitter:
    """Splits a pipe's bytes into lines. Lines that are too long are truncated."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._on_line(line.decode("utf-8", "replace"))
        self._rest = rest[:_MAX_LINE_BYTES]

"""Run a program (ffmpeg, gifsicle) under limits and enclosed, and never leave it behind."""

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

from chromi.encoder.encoder_errors import ConverterKilled, DiskFull, EncodeError, OutOfMemory, TimedOut
from chromi.encoder.process import sandbox
from chromi.encoder.process.available_memory import affordable_bytes
from chromi.encoder.process.launcher import NO_ROOM_TO_START

_TICK_S = 0.1
_MAX_LINE_BYTES = 64 * 1024
_LOG_LINES = 30
_LOG_LINE_CHARS = 300
_NO_MEMORY = "Cannot allocate memory"
_LITTLE_MEMORY = re.compile(
    r"(?:can|could )not allocate|(?:get_buffer|pthread_create)\(\) failed", re.IGNORECASE
)
"""What ffmpeg logs when it gets no memory: for anything, for a picture, for a thread."""


@dataclass(frozen=True)
class Limits:
    """What one process may take before it is killed.

    `memory_bytes` is what it may write to, less on a small machine: 4K ProRes with alpha takes 0.65 GiB to
    convert, other 4K 0.35 GiB.
    """

    wall_s: float
    file_bytes: int
    memory_bytes: int = 1536 * 1024**2

    @property
    def cpu_s(self) -> int:
        """Processor time over all threads: a backstop for when nobody is left to watch the clock."""
        return int(self.wall_s * (os.cpu_count() or 1)) + 1


@dataclass(frozen=True)
class Outcome:
    """How one process ended: exit code (negative: the signal) and the end of its log."""

    exit_code: int
    log: str

    def check(self) -> None:
        """Return if it succeeded, otherwise raise the EncodeError that fits best."""
        # Without memory ffmpeg drops what it cannot decode and may still end with 0.
        if self.exit_code == 0 and _NO_MEMORY not in self.log:
            return
        if "No space left on device" in self.log:
            raise DiskFull(detail=self.log)
        self.check_not_killed()
        if self._lacked_memory:
            raise OutOfMemory(detail=self.log)
        raise EncodeError(detail=f"ended with {self.exit_code}: {self.log}")

    def check_not_killed(self) -> None:
        """Raise ConverterKilled if something else killed it or the machine had no room to start it.

        What we kill has no Outcome.
        """
        if self.exit_code in (-signal.SIGKILL, NO_ROOM_TO_START):
            raise ConverterKilled(detail=self.log)

    def check_memory(self) -> None:
        """Raise OutOfMemory if it failed after it had asked for more than its limit."""
        if self.exit_code and self._lacked_memory:
            raise OutOfMemory(detail=self.log)

    @property
    def _lacked_memory(self) -> bool:
        too_many_streams = "exceeds max_streams" in self.log  # which ffmpeg calls a lack of memory, too
        return not too_many_streams and bool(_LITTLE_MEMORY.search(self.log))


def ignore(line: str) -> None:
    """Take a line and do nothing with it."""


LogReader = Callable[[str], bool | None]
"""Takes a line of a program's log; True keeps it out of the Outcome's log, which tells what went wrong."""


def run(
    command: Sequence[str],
    *,
    limits: Limits,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    descriptors: Sequence[int] = (),
    on_output: Callable[[str], None] = ignore,
    on_log: LogReader = ignore,
    on_tick: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run `command` until it ends, passing on the lines of its output and of its log as they come.

    The first word is the program's path. It has the open `descriptors`, may open the files `reads`, and may
    open and change the files `writes`, which are made, empty, where they are not there: it can make none
    itself. Where the kernel allows, nothing else is within its reach (see `sandbox.py`).

    `on_tick` is called ten times a second even when it is silent. Whatever it or another callback raises
    (KeyboardInterrupt too) kills the program and goes to the caller. Raises TimedOut, and OSError if a file
    cannot be made; a program that cannot be started ends with CANNOT_START.
    """
    deadline = time.monotonic() + limits.wall_s
    log: deque[str] = deque(maxlen=_LOG_LINES)

    def keep(line: str) -> None:
        if not on_log(line):
            log.append(_printable(line))

    for path in writes:
        path.touch()
    with (
        sandbox.strongest().enclosing(Path(command[0]), reads=reads, writes=writes) as (enclosed, rules),
        _started([*enclosed, *command], limits, [*descriptors, *rules]) as process,
    ):
        for _ in _pump(process, on_output, keep):
            on_tick()
            if time.monotonic() > deadline:
                raise TimedOut(detail=f"killed after {limits.wall_s:.0f} s: " + " | ".join(log))
        return Outcome(process.wait(), " | ".join(log))


@contextmanager
def _started(
    command: Sequence[str], limits: Limits, descriptors: Sequence[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start it in a process group of its own; kill and reap whatever is left of it at the end."""
    memory_bytes = affordable_bytes(limits.memory_bytes)
    allowed = [str(os.getpid()), str(limits.cpu_s), str(memory_bytes), str(limits.file_bytes)]
    with subprocess.Popen(  # noqa: S603  no shell, and no word of the command is the visitor's
        [*sandbox.LAUNCH, *allowed, *command],
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


def _pump(
    process: subprocess.Popen[bytes], on_output: Callable[[str], None], on_log: Callable[[str], None]
) -> Iterator[None]:
    """Hand on lines until both pipes are closed, yielding at least every `_TICK_S`."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, _Lines(on_output))  # type: ignore[arg-type]
        selector.register(process.stderr, selectors.EVENT_READ, _Lines(on_log))  # type: ignore[arg-type]
        while selector.get_map():  # ends with the process: its pipes are its own, and it has no children
            for key, _ in selector.select(_TICK_S):
                chunk = os.read(key.fd, _MAX_LINE_BYTES)
                key.data.feed(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            yield


class _Lines:
    """Cut a pipe's bytes into lines; of a line that is too long only the beginning is kept."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *whole, rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._take(line.decode("utf-8", "replace"))
        self._rest = rest[:_MAX_LINE_BYTES]


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in line[:_LOG_LINE_CHARS])

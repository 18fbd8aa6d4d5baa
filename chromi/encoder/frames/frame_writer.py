"""Runs of ffmpeg that write files of frames, sharing one clock and one limit."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chromi.encoder.encoder_errors import NoFrames
from chromi.encoder.process.ffmpeg import FRAME_LINE, QUIET, FrameCounter, run
from chromi.encoder.process.subprocess_runner import Limits, LogReader, ignore


class FrameWriter:
    """`threads` for each coder; `timeout_s` for all runs together; `max_bytes` for each file.

    `on_tick` gets the frames that the present run has written, ten times a second.
    """

    def __init__(
        self, *, threads: int, timeout_s: float, max_bytes: int, on_tick: Callable[[int], None]
    ) -> None:
        self.threads = threads
        self._deadline = time.monotonic() + timeout_s
        self._max_bytes = max_bytes
        self._on_tick = on_tick

    @property
    def lossless(self) -> tuple[str, ...]:
        """The options of an output that keeps each frame by itself, so that any can be taken out."""
        return ("-c:v", "utvideo", "-threads", str(self.threads), "-fps_mode", "passthrough")

    @property
    def limits(self) -> Limits:
        """What the next run may take."""
        return Limits(max(0.1, self._deadline - time.monotonic()), self._max_bytes)

    def write(
        self,
        arguments: Sequence[str],
        *,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        descriptors: Sequence[int] = (),
        on_log: LogReader = ignore,
    ) -> int:
        """Run ffmpeg and return the frames that it reports as encoded; see `process.run` for its files.

        Raises NoFrames, TimedOut and EncodeError.
        """
        return self._run(arguments, FrameCounter(), reads, writes, descriptors, on_log)

    def copy(self, arguments: Sequence[str], *, reads: Sequence[Path], writes: Sequence[Path]) -> int:
        """Run ffmpeg and return the frames that it copied, of which REPORT_FRAMES would tell nothing.

        Raises as `write`.
        """
        return self._run(["-progress", "pipe:1", *arguments], _CopyCounter(), reads, writes)

    def _run(
        self,
        arguments: Sequence[str],
        written: FrameCounter,
        reads: Sequence[Path],
        writes: Sequence[Path],
        descriptors: Sequence[int] = (),
        on_log: LogReader = ignore,
    ) -> int:
        outcome = run(
            [*(QUIET if on_log is ignore else ()), *arguments],
            limits=self.limits,
            reads=reads,
            writes=writes,
            descriptors=descriptors,
            on_output=written.read,
            on_log=on_log,
            on_tick=lambda: self._on_tick(written.frames),
        )
        outcome.check()
        if not written.frames:  # ffmpeg is content with having found nothing
            raise NoFrames(detail=outcome.log)
        return written.frames


class _CopyCounter(FrameCounter):
    """Read what -progress has ffmpeg write: the frames so far, not the number of the last."""

    def read(self, line: str) -> None:
        if number := FRAME_LINE.fullmatch(line):
            self.frames = int(number[1])

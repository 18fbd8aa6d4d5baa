"""Run ffmpeg to write files of frames, with one timeout shared by all runs."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chromi.encoder.encoder_errors import NoFrames
from chromi.encoder.process.ffmpeg import FRAME_LINE, QUIET, FrameCounter, run_ffmpeg
from chromi.encoder.process.subprocess_runner import LogReader, ProcessLimits, ignore_line


class FrameWriter:
    """Runs ffmpeg with `threads` per codec, `max_bytes` per file, and `timeout_s` for all runs together.

    `on_tick` is called ten times a second with the number of frames that the current run has written.
    """

    def __init__(
        self, *, threads: int = 2, timeout_s: float, max_bytes: int, on_tick: Callable[[int], None]
    ) -> None:
        self.threads = threads
        self._deadline = time.monotonic() + timeout_s
        self._max_bytes = max_bytes
        self._on_tick = on_tick

    @property
    def lossless_codec(self) -> tuple[str, ...]:
        """Output options for a lossless codec without inter-frame compression, so any frame can be copied."""
        return ("-c:v", "utvideo", "-threads", str(self.threads), "-fps_mode", "passthrough")

    @property
    def limits(self) -> ProcessLimits:
        """The limits of the next run."""
        return ProcessLimits(max(0.1, self._deadline - time.monotonic()), self._max_bytes)

    def tick(self) -> None:
        """Call `on_tick` for a run of ffmpeg that writes no frames."""
        self._on_tick(0)

    def write(
        self,
        arguments: Sequence[str],
        *,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        descriptors: Sequence[int] = (),
        on_log: LogReader = ignore_line,
    ) -> int:
        """Run ffmpeg and return the number of encoded frames that it reports (REPORT_FRAMES).

        See `run_program` for `reads`, `writes` and `descriptors`. Raises NoFrames, TimedOut and EncodeError.
        """
        return self._run(arguments, FrameCounter(), reads, writes, descriptors, on_log)

    def copy(self, arguments: Sequence[str], *, reads: Sequence[Path], writes: Sequence[Path]) -> int:
        """Run ffmpeg and return the number of copied frames, which REPORT_FRAMES does not report.

        Raises the same errors as `write`.
        """
        return self._run(["-progress", "pipe:1", *arguments], _CopyCounter(), reads, writes)

    def _run(
        self,
        arguments: Sequence[str],
        counter: FrameCounter,
        reads: Sequence[Path],
        writes: Sequence[Path],
        descriptors: Sequence[int] = (),
        on_log: LogReader = ignore_line,
    ) -> int:
        result = run_ffmpeg(
            [*(QUIET if on_log is ignore_line else ()), *arguments],
            limits=self.limits,
            reads=reads,
            writes=writes,
            descriptors=descriptors,
            on_output=counter.read,
            on_log=on_log,
            on_tick=lambda: self._on_tick(counter.frames),
        )
        result.check()
        if not counter.frames:  # ffmpeg succeeds even if it wrote no frame
            raise NoFrames(detail=result.log)
        return counter.frames


class _CopyCounter(FrameCounter):
    """Reads ffmpeg's -progress output, which reports a count instead of the number of the last frame."""

    def read(self, line: str) -> None:
        if match := FRAME_LINE.fullmatch(line):
            self.frames = int(match[1])

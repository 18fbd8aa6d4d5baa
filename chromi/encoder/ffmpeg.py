"""The only caller of the ffmpeg binary: its arguments, its limits and its end.

Every file that a visitor sends is hostile until proven otherwise. ffmpeg gets it as an open descriptor and
may open nothing else by itself: a playlist can name any file or address, but the protocol whitelist holds
only `fd`. Three demuxers and a short list of decoders are all that it may use.
"""

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

from chromi.encoder.launch import CANNOT_START
from chromi.errors import DiskFull, EncodeError, FfmpegMissing, TimedOut

MAX_PIXELS = 4096 * 2304
"""The largest picture that is decoded: 4K in every phone's and editor's shape, upright or lying. 8K takes a
gigabyte of memory."""

DECODERS = (
    # phones, browsers, the web; two for VP8 and VP9, because only libvpx sees their alpha
    *("h264", "hevc", "libdav1d", "av1", "vp8", "libvpx", "vp9", "libvpx-vp9"),
    # editors
    *("prores", "dnxhd", "cfhd", "ffv1", "qtrle", "png", "dvvideo", "v210", "rawvideo"),
    # older cameras, screen recorders, GIFs
    *("mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "h263", "theora", "gif"),
)

QUIET = ("-loglevel", "warning")
"""Log only what goes wrong."""

REPORT_FRAMES = ("-stats_enc_post", "pipe:1", "-stats_enc_post_fmt", "frame={n}")
"""Options of one output: a line for each frame that leaves its encoder, for a FrameCounter.

Not -progress: it stays silent until all outputs have begun, and a palette begins when the last frame is seen.
"""

_DEMUXERS = "mov,matroska,gif"
_LAUNCHER = Path(__file__).with_name("launch.py")
_TICK_S = 0.1
_MAX_LINE_BYTES = 64 * 1024
_LOG_LINES = 30
_LOG_LINE_CHARS = 300


@dataclass(frozen=True)
class Limits:
    """What one ffmpeg may take before it is killed.

    4 GiB is address space, not memory in use: 4K HEVC maps over 1 GiB of it while it uses 0.4.
    """

    wall_s: float
    file_bytes: int
    memory_bytes: int = 4 * 1024**3

    @property
    def cpu_s(self) -> int:
        """Processor time over all threads: a backstop for when nobody is left to watch the clock."""
        return int(self.wall_s * (os.cpu_count() or 1)) + 1


@dataclass(frozen=True)
class Outcome:
    """How one ffmpeg ended: exit code (negative: the signal) and the end of its log."""

    exit_code: int
    log: str

    def check(self) -> None:
        """Return if ffmpeg succeeded, otherwise raise the EncodeError that fits best."""
        # Without memory ffmpeg drops what it cannot decode and may still end with 0.
        if self.exit_code == 0 and "Cannot allocate memory" not in self.log:
            return
        if "No space left on device" in self.log:
            raise DiskFull(detail=self.log)
        raise EncodeError(detail=f"ffmpeg ended with {self.exit_code}: {self.log}")


class FrameCounter:
    """Read what REPORT_FRAMES has ffmpeg write."""

    frames = 0

    def read(self, line: str) -> None:
        key, _, value = line.partition("=")
        if key == "frame":
            self.frames = int(value) + 1


def ignore(line: str) -> None:
    """Take a line and do nothing with it."""


def find_ffmpeg() -> Path:
    """Return the path of the binary that imageio-ffmpeg brings (or that IMAGEIO_FFMPEG_EXE names).

    Raises FfmpegMissing.
    """
    try:
        path = Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except RuntimeError as error:
        raise FfmpegMissing(detail=str(error)) from error
    if not os.access(path, os.X_OK):
        raise FfmpegMissing(detail=f"{path} is not an executable file")
    return path


def untrusted_input(descriptor: int, *, threads: int, before: Sequence[str] = ()) -> list[str]:
    """Return the arguments that read a visitor's file from an open descriptor.

    The descriptor must be freshly opened (ffmpeg reads from where it stands) and be handed to `run`. `before`
    holds further input options.
    """
    return [
        *("-protocol_whitelist", "fd", "-format_whitelist", _DEMUXERS),
        *("-codec_whitelist", ",".join(DECODERS), "-max_pixels", str(MAX_PIXELS)),
        *("-max_streams", "64", "-threads", str(threads), "-an", "-sn", "-dn"),
        *before,
        *("-fd", str(descriptor), "-i", "fd:"),
    ]


def run(
    arguments: Sequence[str],
    *,
    limits: Limits,
    descriptors: Sequence[int] = (),
    on_output: Callable[[str], None] = ignore,
    on_log: Callable[[str], None] = ignore,
    on_tick: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run ffmpeg until it ends, passing on the lines of its output and of its log as they come.

    `on_tick` is called ten times a second even when ffmpeg is silent. Whatever it or another callback raises
    (KeyboardInterrupt too) kills ffmpeg and goes on to the caller. Raises FfmpegMissing, or TimedOut.
    """
    deadline = time.monotonic() + limits.wall_s
    log: deque[str] = deque(maxlen=_LOG_LINES)

    def keep(line: str) -> None:
        log.append(_printable(line))
        on_log(line)

    with _started(arguments, limits, descriptors) as process:
        for _ in _pump(process, on_output, keep):
            on_tick()
            if time.monotonic() > deadline:
                raise TimedOut(detail=f"ffmpeg was killed after {limits.wall_s:.0f} s: " + " | ".join(log))
        outcome = Outcome(process.wait(), " | ".join(log))
    if outcome.exit_code == CANNOT_START:
        raise FfmpegMissing(detail=outcome.log)
    return outcome


@contextmanager
def _started(
    arguments: Sequence[str], limits: Limits, descriptors: Sequence[int]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ffmpeg in a process group of its own; kill and reap whatever is left of it at the end."""
    allowed = [str(os.getpid()), str(limits.cpu_s), str(limits.memory_bytes), str(limits.file_bytes)]
    command = [str(find_ffmpeg()), "-hide_banner", "-nostdin", "-nostats", *arguments]
    with subprocess.Popen(  # noqa: S603  no shell, and no word of the command is the visitor's
        [sys.executable, "-I", "-S", str(_LAUNCHER), *allowed, *command],
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

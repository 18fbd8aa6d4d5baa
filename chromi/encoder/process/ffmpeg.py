"""The only caller of the ffmpeg binary: its arguments and what it may read.

Every file that a visitor sends is hostile until proven otherwise. ffmpeg gets it as an open descriptor and
may open nothing else by itself: a playlist can name any file or address, but the protocol whitelist holds
only `fd`. Three demuxers and a short list of decoders are all that it may use. Should a decoder be taken
over all the same, the sandbox around the process gives it nothing more (`sandbox.py`).
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg

from chromi.encoder.encoder_errors import FfmpegMissing
from chromi.encoder.process import subprocess_runner
from chromi.encoder.process.launcher import CANNOT_START
from chromi.encoder.process.subprocess_runner import Limits, LogReader, Outcome, ignore

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

REPORT_FRAMES = ("-stats_enc_post:v:0", "pipe:1", "-stats_enc_post_fmt:v:0", "frame={n}")
"""Options of one output: a line for each frame that leaves its first encoder, for a FrameCounter.

Not -progress: it stays silent until all outputs have begun, and some begin late.
"""

FRAME_LINE = re.compile(r"frame= *(\d{1,15})\s*")
"""Such a line; -progress writes it too."""

OUTPUT_FPS = 24
"""Frames a second of what pass 1 keeps, and of every GIF."""

_DEMUXERS = "mov,matroska,gif"


class FrameCounter:
    """Read what REPORT_FRAMES has ffmpeg write."""

    frames = 0

    def read(self, line: str) -> None:
        if number := FRAME_LINE.fullmatch(line):
            self.frames = int(number[1]) + 1


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


def escape_path(path: Path) -> str:
    """Return a path for use in a filter graph, where it is read twice: as an option, and as a part of it."""
    as_option = re.sub(r"([\\':])", r"\\\1", str(path))
    return re.sub(r"([\\'\[\],;])", r"\\\1", as_option)


def frames_input(frames_path: Path, first: int = 0) -> list[str]:
    """Return the arguments that read kept frames from number `first` on.

    Half a frame early, so that no rounding loses it.
    """
    start = ("-ss", f"{(first - 0.5) / OUTPUT_FPS:.6f}") if first else ()
    return ["-threads", "1", *start, "-f", "nut", "-i", str(frames_path)]


def run(
    arguments: Sequence[str],
    *,
    limits: Limits,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    descriptors: Sequence[int] = (),
    on_output: Callable[[str], None] = ignore,
    on_log: LogReader = ignore,
    on_tick: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run ffmpeg as `subprocess_runner.run` runs any program. Raises FfmpegMissing too."""
    outcome = subprocess_runner.run(
        [str(find_ffmpeg()), "-hide_banner", "-nostdin", "-nostats", *arguments],
        limits=limits,
        reads=reads,
        writes=writes,
        descriptors=descriptors,
        on_output=on_output,
        on_log=on_log,
        on_tick=on_tick,
    )
    if outcome.exit_code == CANNOT_START:
        raise FfmpegMissing(detail=outcome.log)
    return outcome

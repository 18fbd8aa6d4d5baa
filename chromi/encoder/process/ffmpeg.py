"""Run the ffmpeg binary and define what it may read. No other module starts ffmpeg.

Every uploaded file is untrusted. ffmpeg receives it as an open descriptor and cannot open anything else by
itself: a playlist can name any file or address, but the protocol whitelist contains only `fd`. The whitelists
also restrict ffmpeg to three demuxers and a short list of decoders. If a decoder is compromised anyway, the
sandbox around the process contains it (`sandbox.py`).
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg

from chromi.encoder.encoder_errors import FfmpegMissing
from chromi.encoder.process.launcher import EXIT_CANNOT_START
from chromi.encoder.process.subprocess_runner import (
    LogReader,
    ProcessLimits,
    ProcessResult,
    ignore_line,
    run_program,
)

MAX_PIXELS = 4096 * 2304
"""The largest frame that is decoded: 4K in every aspect ratio and orientation that phones and editors use. 8K
takes a gigabyte of memory."""

DECODERS = (
    # Codecs of phones, browsers and websites. For VP8 and VP9, only libvpx decodes alpha.
    *("h264", "hevc", "libdav1d", "av1", "vp8", "libvpx", "vp9", "libvpx-vp9"),
    # Codecs of video editors.
    *("prores", "dnxhd", "cfhd", "ffv1", "qtrle", "png", "dvvideo", "v210", "rawvideo"),
    # Codecs of older cameras and screen recorders, and GIF.
    *("mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "h263", "theora", "gif"),
)

QUIET = ("-loglevel", "warning")
"""Options that log only warnings and errors."""

REPORT_FRAMES = ("-stats_enc_post:v:0", "pipe:1", "-stats_enc_post_fmt:v:0", "frame={n}")
"""Output options that print a line for each frame from the output's first encoder, for a FrameCounter.

-progress is not used because it prints nothing until all outputs have started, and some start late.
"""

FRAME_LINE = re.compile(r"frame= *(\d{1,15})\s*")
"""A line printed by REPORT_FRAMES or -progress."""

OUTPUT_FPS = 24
"""The frame rate of the extracted frames and of every GIF."""

_DEMUXERS = "mov,matroska,gif"


class FrameCounter:
    """Counts the frames that ffmpeg reports with REPORT_FRAMES."""

    frames = 0

    def read(self, line: str) -> None:
        """Read a line of ffmpeg's output."""
        if match := FRAME_LINE.fullmatch(line):
            self.frames = int(match[1]) + 1


def find_ffmpeg() -> Path:
    """Return the path of imageio-ffmpeg's binary, or of the binary named by IMAGEIO_FFMPEG_EXE.

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
    """Return the arguments that read an uploaded file from an open descriptor.

    The descriptor must be freshly opened, because ffmpeg reads from its current position. It must also be
    passed to `run_ffmpeg`. `before` holds further input options.
    """
    return [
        *("-protocol_whitelist", "fd", "-format_whitelist", _DEMUXERS),
        *("-codec_whitelist", ",".join(DECODERS), "-max_pixels", str(MAX_PIXELS)),
        *("-max_streams", "64", "-threads", str(threads), "-an", "-sn", "-dn"),
        *before,
        *("-fd", str(descriptor), "-i", "fd:"),
    ]


def escape_path(path: Path) -> str:
    """Escape a path for a filtergraph, which unescapes it twice: as part of the graph and as an option."""
    option = re.sub(r"([\\':])", r"\\\1", str(path))
    return re.sub(r"([\\'\[\],;])", r"\\\1", option)


def frames_input(frames_path: Path, first: int = 0) -> list[str]:
    """Return the arguments that read extracted frames, starting with number `first`.

    The seek goes half a frame earlier, because rounding could otherwise skip the frame.
    """
    start = ("-ss", f"{(first - 0.5) / OUTPUT_FPS:.6f}") if first else ()
    return ["-threads", "1", *start, "-f", "nut", "-i", str(frames_path)]


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    limits: ProcessLimits,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    descriptors: Sequence[int] = (),
    on_output: Callable[[str], None] = ignore_line,
    on_log: LogReader = ignore_line,
    on_tick: Callable[[], None] = lambda: None,
) -> ProcessResult:
    """Run ffmpeg until it ends. See `run_program` for the arguments and errors. Also raises FfmpegMissing."""
    result = run_program(
        [str(find_ffmpeg()), "-hide_banner", "-nostdin", "-nostats", *arguments],
        limits=limits,
        reads=reads,
        writes=writes,
        descriptors=descriptors,
        on_output=on_output,
        on_log=on_log,
        on_tick=on_tick,
    )
    if result.exit_code == EXIT_CANNOT_START:
        raise FfmpegMissing(detail=result.log)
    return result

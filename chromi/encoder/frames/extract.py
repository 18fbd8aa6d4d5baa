"""Pass 1: decode the clip once and keep the frames that every later try needs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from chromi.encoder.frames.decode import Decoder
from chromi.encoder.frames.frame_order import frames_to_read, order_frames
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.reorder import rearrange
from chromi.encoder.frames.thumbnails import STRIP_BYTES
from chromi.encoder.options import ConversionOptions, Loop, Short
from chromi.encoder.source.video_info import VideoInfo

FRAMES_FILE = "frames.nut"
"""What the kept frames are called in the folder that they are kept in."""


@dataclass(frozen=True)
class ExtractedFrames:
    """The GIF's frames in their order: lossless, upright, BT.709, at its size and rate; and their strip."""

    frames_path: Path
    count: int


def extract_frames(
    source: Path,
    info: VideoInfo,
    options: ConversionOptions,
    *,
    into: Path,
    threads: int,
    timeout_s: float,
    on_tick: Callable[[int], None],
) -> ExtractedFrames:
    """Decode the window of `source` into the folder `into`; `on_tick` gets the frames done so far.

    Raises NoFrames if the window holds none, TimedOut, and EncodeError.
    """
    frames_path = into / FRAMES_FILE
    to_read = frames_to_read(options)
    most = 0

    def tick(frames: int) -> None:
        nonlocal most
        most = min(to_read, max(most, frames))  # the runs after the first count from 0 again
        on_tick(most * options.frames // to_read)

    writer = FrameWriter(
        threads=threads, timeout_s=timeout_s, max_bytes=max_frames_bytes(options), on_tick=tick
    )
    with TemporaryDirectory(dir=into) as folder:
        decoder = Decoder(source, info, options, Path(folder), writer)
        decoded = decoder.read(frames_path if _is_shown_as_read(options) else None)
        count = len(decoded.stored)
        if decoded.path != frames_path:
            order = order_frames(count, options).through(decoded.stored)
            rearrange(decoded.path, order, frames_path, writer)
            count = len(order.shown)
    return ExtractedFrames(frames_path, count)


def max_frames_bytes(options: ConversionOptions) -> int:
    """Return what one file of frames may take: pure noise, losslessly, is 2.3 bytes a pixel."""
    frame_bytes = 3 * options.width_px * options.height_px + STRIP_BYTES
    return frame_bytes * max(options.frames, frames_to_read(options))


def _is_shown_as_read(options: ConversionOptions) -> bool:
    return options.loop is Loop.CUT and options.short is Short.PLAY and not options.reverse

"""Run pass 1: decode the clip once and store the frames that every later pass needs."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from chromi.encoder.frames.decode_window import MAX_READ_FPS, WindowDecoder
from chromi.encoder.frames.frame_order import frames_to_read, order_frames
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.thumbnails import THUMBNAIL_BYTES
from chromi.encoder.frames.write_in_order import reorder_frames
from chromi.encoder.options import ConversionOptions, Loop, Short
from chromi.encoder.source.video_info import VideoInfo

FRAMES_FILENAME = "frames.nut"
"""The name of the file of extracted frames in its output folder."""


@dataclass(frozen=True)
class ExtractedFrames:
    """The GIF's frames in display order, with their thumbnails.

    They are lossless, upright and in BT.709, at the GIF's size and frame rate.
    """

    frames_path: Path
    count: int


def extract_frames(
    source: Path,
    info: VideoInfo,
    options: ConversionOptions,
    *,
    output_dir: Path,
    threads: int,
    timeout_s: float,
    on_tick: Callable[[int], None],
) -> ExtractedFrames:
    """Decode the window of `source` into `output_dir`.

    `on_tick` is called ten times a second with the number of frames done. Raises NoFrames if the window
    contains no frames; also raises TimedOut and EncodeError.
    """
    frames_path = output_dir / FRAMES_FILENAME
    writer = FrameWriter(
        threads=threads,
        timeout_s=timeout_s,
        max_bytes=max_frames_bytes(options),
        on_tick=_ExtractionProgress(options, on_tick),
    )
    with TemporaryDirectory(dir=output_dir) as folder:
        decoder = WindowDecoder(source, info, options, Path(folder), writer)
        decoded = decoder.decode(frames_path if _is_shown_in_clip_order(options) else None)
        count = len(decoded.stored)
        if decoded.path != frames_path:
            order = order_frames(count, options).map_to(decoded.stored)
            reorder_frames(decoded.path, order, frames_path, writer)
            count = len(order.shown)
    return ExtractedFrames(frames_path, count)


class _ExtractionProgress:
    """Convert the frame count of each ffmpeg run to the number of finished GIF frames.

    Each run counts from 0 again, so the highest count so far is reported.
    """

    def __init__(self, options: ConversionOptions, on_tick: Callable[[int], None]) -> None:
        self._to_read = frames_to_read(options)
        self._gif_frames = options.frames
        self._on_tick = on_tick
        self._highest = 0

    def __call__(self, frames: int) -> None:
        self._highest = min(self._to_read, max(self._highest, frames))
        self._on_tick(self._highest * self._gif_frames // self._to_read)


def max_frames_bytes(options: ConversionOptions) -> int:
    """Return the maximum size of a file of frames.

    Losslessly encoded random noise takes 2.3 bytes per pixel. Of a changing stream, more frames are stored.
    """
    frame_bytes = 3 * options.width_px * options.height_px + THUMBNAIL_BYTES
    stored_frames = ceil(frames_to_read(options) * MAX_READ_FPS / options.fps)
    return frame_bytes * max(options.frames, stored_frames)


def _is_shown_in_clip_order(options: ConversionOptions) -> bool:
    return options.loop is Loop.CUT and options.short is Short.PLAY and not options.reverse

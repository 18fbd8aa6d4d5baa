"""Tell drawn pixels from a camera's, since they are enlarged in different ways."""

from pathlib import Path

from PIL import Image, ImageChops

from chromi.encoder.options import ConversionOptions, Scaling
from chromi.encoder.process.ffmpeg import QUIET, run, untrusted_input
from chromi.encoder.process.subprocess_runner import Limits
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

MAX_SIDE_PX = 320
"""Larger pictures are hardly enlarged, so that it makes no difference."""

_LOSSLESS = ("gif", "png", "qtrle", "ffv1", "rawvideo")
"""Codecs that keep a drawing's colors exactly."""

_TIMEOUT_S = 10.0
_FRAMES = 6
_MAX_COLORS = 64
_MIN_FLAT = 0.5
"""Least share of pixels that equal their right neighbor: drawn ground is flat, a camera's has grain."""
_MIN_STEP = 30
"""Least mean step, of 255, between neighbors that differ: a soft edge has smaller ones."""


def is_pixel_art(source: Path, info: VideoInfo, options: ConversionOptions, folder: Path) -> bool:
    """True if the pixels are to stay squares when enlarged: as `options.scaling` says, or as they look.

    That is a small picture kept without loss, in few colors with hard edges. Raises TimedOut.
    """
    if options.scaling is not Scaling.AUTO:
        return options.scaling is Scaling.PIXELATED
    if info.codec not in _LOSSLESS or max(info.width_px, info.height_px) > MAX_SIDE_PX:
        return False
    return _looks_drawn(_read_frames(source, info, options, folder / "pixels.rgb"))


def _looks_drawn(frames: Image.Image) -> bool:
    if frames.width < 2 or not frames.height or not frames.getcolors(_MAX_COLORS):
        return False
    left = frames.crop((0, 0, frames.width - 1, frames.height))
    right = frames.crop((1, 0, frames.width, frames.height))
    channels = ImageChops.difference(left, right).split()
    steps = ImageChops.lighter(channels[0], ImageChops.lighter(channels[1], channels[2])).histogram()
    different = sum(steps[1:])
    if steps[0] < _MIN_FLAT * sum(steps) or not different:
        return False
    return sum(step * count for step, count in enumerate(steps)) / different >= _MIN_STEP


def _read_frames(source: Path, info: VideoInfo, options: ConversionOptions, path: Path) -> Image.Image:
    """Return a frame of each second of the window, one below the other; none if nothing could be decoded."""
    width, height, start_s = info.width_px, info.height_px, info.first_frame_s + options.start_s
    filters = f"fps=1:start_time={start_s:.6f},trim=end_frame={_FRAMES},scale={width}:{height}:flags=neighbor"
    with source.open("rb") as clip:
        run(
            [
                *(*QUIET, *untrusted_input(clip.fileno(), threads=1, before=seek_options(info, None))),
                *("-map", f"0:{info.stream}", "-vf", filters, "-fps_mode", "passthrough"),
                *("-pix_fmt", "rgb24", "-f", "rawvideo", "-y", str(path)),
            ],
            limits=Limits(_TIMEOUT_S, 3 * MAX_SIDE_PX**2 * _FRAMES),
            writes=(path,),
            descriptors=(clip.fileno(),),
        )
    pixels = path.read_bytes()
    path.unlink()
    count = len(pixels) // (3 * width * height)
    return Image.frombytes("RGB", (width, height * count), pixels[: 3 * width * height * count])

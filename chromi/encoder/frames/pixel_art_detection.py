"""Detect pixel art, which is scaled up without smoothing."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageChops

from chromi.encoder.encoder_errors import TimedOut
from chromi.encoder.options import ConversionOptions, Scaling
from chromi.encoder.process.ffmpeg import QUIET, run_ffmpeg, untrusted_input
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

MAX_SIDE_PX = 320
"""Larger frames are scaled up so little that smoothing makes no difference."""

_LOSSLESS = ("gif", "png", "qtrle", "ffv1", "rawvideo")
"""Codecs that preserve colors exactly."""

_TIMEOUT_S = 10.0
_FRAMES = 6
_MAX_COLORS = 64
_MIN_FLAT_FRACTION = 0.5
"""Minimum fraction of pixels that equal their right-hand neighbor.

Noise keeps camera footage below this value.
"""
_MIN_EDGE_CONTRAST = 30
"""Minimum mean difference, out of 255, between neighbors that differ. Soft edges have smaller differences."""


def is_pixel_art(
    source: Path, info: VideoInfo, options: ConversionOptions, folder: Path, on_tick: Callable[[], None]
) -> bool:
    """Return whether to scale pixels up to squares, as set by `options.scaling` or detected.

    A clip counts as pixel art if it is small, uses a lossless codec, and has few colors and hard edges.
    A clip that cannot be read in time does not. Temporary files are written to `folder`. `on_tick` is called
    ten times a second.
    """
    if options.scaling is not Scaling.AUTO:
        return options.scaling is Scaling.PIXELATED
    if info.codec not in _LOSSLESS or max(info.width_px, info.height_px) > MAX_SIDE_PX:
        return False
    try:
        frames = _read_frames(source, info, options, folder / "pixels.rgb", on_tick)
    except TimedOut:
        return False
    return _has_pixel_art_statistics(frames)


def _has_pixel_art_statistics(frames: Image.Image) -> bool:
    if frames.width < 2 or not frames.height or not frames.getcolors(_MAX_COLORS):
        return False
    left = frames.crop((0, 0, frames.width - 1, frames.height))
    right = frames.crop((1, 0, frames.width, frames.height))
    channels = ImageChops.difference(left, right).split()
    histogram = ImageChops.lighter(channels[0], ImageChops.lighter(channels[1], channels[2])).histogram()
    edge_pixels = sum(histogram[1:])
    if histogram[0] < _MIN_FLAT_FRACTION * sum(histogram) or not edge_pixels:
        return False
    total_contrast = sum(contrast * count for contrast, count in enumerate(histogram))
    return total_contrast / edge_pixels >= _MIN_EDGE_CONTRAST


def _read_frames(
    source: Path, info: VideoInfo, options: ConversionOptions, path: Path, on_tick: Callable[[], None]
) -> Image.Image:
    """Return one frame per second of the window, stacked vertically, skipping frames that fail to decode."""
    width, height, start_s = info.width_px, info.height_px, info.first_frame_s + options.start_s
    seek_s = start_s if options.start_s else None
    # `fps` rounds its start_time and, without eof_action, the end of the clip to seconds. If less than half a
    # second of the clip were left, it would have no frame.
    samples = f"setpts=PTS-{start_s:.6f}/TB,fps=1:start_time=0:eof_action=pass,trim=end_frame={_FRAMES}"
    filters = f"{samples},scale={width}:{height}:flags=neighbor"
    with source.open("rb") as clip:
        run_ffmpeg(
            [
                *(*QUIET, *untrusted_input(clip.fileno(), threads=1, before=seek_options(info, seek_s))),
                *("-map", f"0:{info.stream}", "-vf", filters, "-fps_mode", "passthrough"),
                *("-pix_fmt", "rgb24", "-f", "rawvideo", "-y", str(path)),
            ],
            limits=ProcessLimits(_TIMEOUT_S, 3 * MAX_SIDE_PX**2 * _FRAMES),
            writes=(path,),
            descriptors=(clip.fileno(),),
            on_tick=on_tick,
        )
    pixels = path.read_bytes()
    path.unlink()
    count = len(pixels) // (3 * width * height)
    return Image.frombytes("RGB", (width, height * count), pixels[: 3 * width * height * count])

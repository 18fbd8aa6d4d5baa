"""Create and read thumbnails of all extracted frames, which are used to measure motion and choose colors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from chromi.encoder.frames.color_filters import bt709_scale_options
from chromi.encoder.process.ffmpeg import QUIET, run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits

WIDTH_PX, HEIGHT_PX = 96, 54
SAMPLES_WIDTH_PX, SAMPLES_HEIGHT_PX = 160, 90

_FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3
THUMBNAIL_BYTES = _FRAME_BYTES + SAMPLES_WIDTH_PX * SAMPLES_HEIGHT_PX * 3
"""The combined size of both thumbnails of a frame."""
_MIN_MOTION = 1e-6
_SHIFT_PX = 8
"""The sampling grid shifts by up to this much from frame to frame, so every static line is sampled."""

_TO_RGB = f"{bt709_scale_options('neighbor')},format=rgb24"
THUMBNAIL_FILTERS = (
    f"split[motion_input][color_input];[motion_input]scale={WIDTH_PX}:{HEIGHT_PX}:{_TO_RGB}[thumbnails];"
    f"[color_input]crop=w=iw-{_SHIFT_PX}:h=ih-{_SHIFT_PX}:x='2*mod(n,4)':y='2*mod(floor(n/4),4)',"
    f"scale={SAMPLES_WIDTH_PX}:{SAMPLES_HEIGHT_PX}:{_TO_RGB}[samples]"
)
"""The filters that turn the frames into the second and third video streams of their file."""
THUMBNAIL_OUTPUTS = ("-map", "[thumbnails]", "-map", "[samples]", "-c:v:1", "rawvideo", "-c:v:2", "rawvideo")
"""The output options of these two streams."""


@dataclass(frozen=True)
class Thumbnails:
    """Small versions of all extracted frames. Their pixels are sampled, not averaged, to preserve colors.

    `frames` are 96x54 RGB images for measuring motion. `samples` holds 160x90 pixels of each frame, stacked
    vertically, for choosing colors. `checksums` are those of the full-size frames. Equal checksums identify a
    repeated frame, even if other frames differ by very little.
    """

    frames: Sequence[bytes]
    samples: Image.Image
    checksums: Sequence[str]

    def motion(self) -> list[float]:
        """Return each frame's mean difference (0 to 255) from the previous one; 0 only for repeats."""
        images = [Image.frombytes("RGB", (WIDTH_PX, HEIGHT_PX), frame) for frame in self.frames]
        is_repeated = [before == after for before, after in pairwise(self.checksums)]
        differences = (_MIN_MOTION + _mean_difference(before, after) for before, after in pairwise(images))
        return [
            0.0,
            *(0.0 if same else difference for same, difference in zip(is_repeated, differences, strict=True)),
        ]


def _mean_difference(before: Image.Image, after: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def read_thumbnails(
    frames_path: Path, work_dir: Path, *, limits: ProcessLimits, on_tick: Callable[[], None]
) -> Thumbnails:
    """Read the thumbnails from a file of extracted frames, using temporary files in `work_dir`.

    No frame is decoded. Each frame is compressed independently, so equal packets mean equal frames. `on_tick`
    is called ten times a second. Raises TimedOut and EncodeError.
    """
    checksums = _ChecksumReader()
    paths = [work_dir / name for name in ("thumbnails.rgb", "samples.rgb")]
    raw = ("-c", "copy", "-f", "rawvideo", "-y")
    run_ffmpeg(
        [
            *(*QUIET, "-f", "nut", "-i", str(frames_path)),
            *(word for n, path in enumerate(paths, 1) for word in ("-map", f"0:v:{n}", *raw, str(path))),
            *("-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"),
        ],
        limits=limits,
        reads=(frames_path,),
        writes=paths,
        on_output=checksums.read,
        on_tick=on_tick,
    ).check()
    pixels, samples = (path.read_bytes() for path in paths)
    for path in paths:
        path.unlink()
    frames = [pixels[at : at + _FRAME_BYTES] for at in range(0, len(pixels), _FRAME_BYTES)]
    size_px = (SAMPLES_WIDTH_PX, SAMPLES_HEIGHT_PX * len(frames))
    return Thumbnails(frames, Image.frombytes("RGB", size_px, samples), checksums.values)


class _ChecksumReader:
    """Reads packet checksums from the output of the framecrc muxer."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def read(self, line: str) -> None:
        if not line.startswith("#"):
            self.values.append(line.rpartition(",")[2].strip())

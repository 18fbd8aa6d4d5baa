"""The strip: every kept frame in small, stored beside it, from which motion and colors are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from chromi.encoder.frames.color import from_bt709
from chromi.encoder.process.ffmpeg import QUIET, run
from chromi.encoder.process.subprocess_runner import Limits

WIDTH_PX, HEIGHT_PX = 96, 54
SAMPLES_WIDTH_PX, SAMPLES_HEIGHT_PX = 160, 90

_FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3
STRIP_BYTES = _FRAME_BYTES + SAMPLES_WIDTH_PX * SAMPLES_HEIGHT_PX * 3
"""What both streams of the strip take, for each frame."""
_LEAST_STEP = 1e-6
_SHIFT_PX = 8
"""Each frame is sampled at other places, so that no still line falls between them in all frames."""

_TO_RGB = f"{from_bt709('neighbor')},format=rgb24"
STRIP_GRAPH = (
    f"split[moving][colored];[moving]scale={WIDTH_PX}:{HEIGHT_PX}:{_TO_RGB}[strip];"
    f"[colored]crop=w=iw-{_SHIFT_PX}:h=ih-{_SHIFT_PX}:x='2*mod(n,4)':y='2*mod(floor(n/4),4)',"
    f"scale={SAMPLES_WIDTH_PX}:{SAMPLES_HEIGHT_PX}:{_TO_RGB}[samples]"
)
"""The filters that take the frames and give the other two streams of their file."""
STRIP_OUTPUTS = ("-map", "[strip]", "-map", "[samples]", "-c:v:1", "rawvideo", "-c:v:2", "rawvideo")


@dataclass(frozen=True)
class Thumbnails:
    """Every kept frame in small: single pixels of it, not means, so that the colors are its own.

    `frames` are 96x54, to tell motion from. `samples` are pixels of all frames, 160x90 of each, one frame
    below the other. `checksums` are of the whole frames: equal ones tell a repeated frame, however little
    changes in others.
    """

    frames: Sequence[bytes]
    samples: Image.Image
    checksums: Sequence[str]

    def motion(self) -> list[float]:
        """Return for each frame its mean step (0 to 255) from the one before; 0 only if both are the same."""
        images = [Image.frombytes("RGB", (WIDTH_PX, HEIGHT_PX), frame) for frame in self.frames]
        is_repeated = [before == after for before, after in pairwise(self.checksums)]
        steps = (_LEAST_STEP + _step(before, after) for before, after in pairwise(images))
        return [0.0, *(0.0 if same else step for same, step in zip(is_repeated, steps, strict=True))]


def _step(before: Image.Image, after: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def read_thumbnails(
    frames_path: Path, work_dir: Path, *, limits: Limits, on_tick: Callable[[], None]
) -> Thumbnails:
    """Read the strip out of a file of frames, through files in `work_dir`; nothing is decoded.

    Each frame is compressed by itself, so equal packets are equal frames. Raises TimedOut and EncodeError.
    """
    checksums: list[str] = []
    paths = [work_dir / name for name in ("strip.rgb", "samples.rgb")]

    def read(line: str) -> None:
        if not line.startswith("#"):
            checksums.append(line.rpartition(",")[2].strip())

    raw = ("-c", "copy", "-f", "rawvideo", "-y")
    run(
        [
            *(*QUIET, "-f", "nut", "-i", str(frames_path)),
            *(word for n, path in enumerate(paths, 1) for word in ("-map", f"0:v:{n}", *raw, str(path))),
            *("-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"),
        ],
        limits=limits,
        reads=(frames_path,),
        writes=paths,
        on_output=read,
        on_tick=on_tick,
    ).check()
    pixels, samples = (path.read_bytes() for path in paths)
    for path in paths:
        path.unlink()
    frames = [pixels[at : at + _FRAME_BYTES] for at in range(0, len(pixels), _FRAME_BYTES)]
    size_px = (SAMPLES_WIDTH_PX, SAMPLES_HEIGHT_PX * len(frames))
    return Thumbnails(frames, Image.frombytes("RGB", size_px, samples), checksums)

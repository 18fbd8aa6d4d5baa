"""The strip: every kept frame in small, stored beside it, from which motion and colours are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from chromi.encoder.colour import from_bt709
from chromi.encoder.ffmpeg import QUIET, run
from chromi.encoder.process import Limits

WIDTH_PX, HEIGHT_PX = 96, 54
TO_STRIP = f"scale={WIDTH_PX}:{HEIGHT_PX}:{from_bt709('neighbor')},format=rgb24"
STRIP_CODEC = ("-c:v:1", "rawvideo")
"""How the second stream of a file of frames is made of the first."""

_FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3
_LEAST_STEP = 1e-6


@dataclass(frozen=True)
class Strip:
    """Every kept frame at 96x54: single pixels of it, not means, so that the colours are its own.

    `checksums` are of the whole frames: equal ones tell a repeated frame, however little changes in others.
    """

    frames: Sequence[bytes]
    checksums: Sequence[str]

    def motion(self) -> list[float]:
        """Return for each frame its mean step (0 to 255) from the one before; 0 only if both are the same."""
        images = [_image([frame]) for frame in self.frames]
        is_repeated = [before == after for before, after in pairwise(self.checksums)]
        steps = (_LEAST_STEP + _step(before, after) for before, after in pairwise(images))
        return [0.0, *(0.0 if same else step for same, step in zip(is_repeated, steps, strict=True))]

    def picture(self, step: int) -> Image.Image:
        """Return every `step`-th frame, one below the other, in RGB."""
        return _image(self.frames[::step])


def _step(before: Image.Image, after: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def _image(frames: Sequence[bytes]) -> Image.Image:
    return Image.frombytes("RGB", (WIDTH_PX, HEIGHT_PX * len(frames)), b"".join(frames))


def read_strip(frames_path: Path, strip_path: Path, *, limits: Limits, on_tick: Callable[[], None]) -> Strip:
    """Read the strip out of a file of frames, through the file `strip_path`; nothing is decoded.

    Each frame is compressed by itself, so equal packets are equal frames. Raises TimedOut and EncodeError.
    """
    checksums: list[str] = []

    def read(line: str) -> None:
        if not line.startswith("#"):
            checksums.append(line.rpartition(",")[2].strip())

    run(
        [
            *(*QUIET, "-f", "nut", "-i", str(frames_path)),
            *("-map", "0:v:1", "-c", "copy", "-f", "rawvideo", "-y", str(strip_path)),
            *("-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"),
        ],
        limits=limits,
        reads=(frames_path,),
        writes=(strip_path,),
        on_output=read,
        on_tick=on_tick,
    ).check()
    pixels = strip_path.read_bytes()
    strip_path.unlink()
    frames = [pixels[at : at + _FRAME_BYTES] for at in range(0, len(pixels), _FRAME_BYTES)]
    return Strip(frames, checksums)

"""Choose the colours: what the window's pixels are, and the palette that shows them best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from chromi.encoder.colour import from_bt709
from chromi.encoder.ffmpeg import QUIET, kept_input, run
from chromi.encoder.process import Limits

WIDTH_PX, HEIGHT_PX = 96, 54
_FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3
_SLOTS = 256
_LEAST_STEP = 1e-6
_SETTLED = 600
"""Pixels of 62,208 that may still change their colour when k-means stops: half the time, for 0.05 dB."""
_MAX_FRAMES = 12
"""Frames of the strip that a palette is made from: 62,208 pixels. More cost time and change nothing."""
_STRIP_GRAPH = (
    f"[0:v]split[all][seen];[seen]scale={WIDTH_PX}:{HEIGHT_PX}:{from_bt709('neighbor')},format=rgb24[strip]"
)


@dataclass(frozen=True)
class Strip:
    """Every kept frame at 96x54: single pixels of it, not means, so that the colours are its own.

    `checksums` are of the whole frames: equal ones tell a repeated frame, however little changes in others.
    """

    frames: Sequence[bytes]
    checksums: Sequence[str]

    def motion(self) -> list[float]:
        """Return for each frame its mean step (0 to 255) from the one before; 0 only if both are the same."""
        return [0.0, *(self._motion(number) for number in range(1, len(self.frames)))]

    def _motion(self, number: int) -> float:
        if self.checksums[number] == self.checksums[number - 1]:
            return 0.0
        return _LEAST_STEP + _step(self.frames[number - 1], self.frames[number])


def _step(before: bytes, after: bytes) -> float:
    difference = ImageChops.difference(_image([before]), _image([after]))
    return sum(ImageStat.Stat(difference).mean) / 3


def read_strip(frames_path: Path, strip_path: Path, *, limits: Limits, on_tick: Callable[[], None]) -> Strip:
    """Read the strip of kept frames, through the file `strip_path`. Raises TimedOut and EncodeError."""
    checksums: list[str] = []

    def read(line: str) -> None:
        if not line.startswith("#"):
            checksums.append(line.rpartition(",")[2].strip())

    run(
        [
            *(*QUIET, *kept_input(frames_path), "-filter_complex", _STRIP_GRAPH),
            *("-map", "[strip]", "-fps_mode", "passthrough", "-f", "rawvideo", "-y", str(strip_path)),
            *("-map", "[all]", "-fps_mode", "passthrough", "-f", "framecrc", "pipe:1"),
        ],
        limits=limits,
        on_output=read,
        on_tick=on_tick,
    ).check()
    pixels = strip_path.read_bytes()
    strip_path.unlink()
    frames = [pixels[at : at + _FRAME_BYTES] for at in range(0, len(pixels), _FRAME_BYTES)]
    return Strip(frames, checksums)


def write_palette(strip: Strip, colours: int, palette_path: Path) -> None:
    """Write the palette of `colours` (2 to 256, one of them transparent) for paletteuse, a 16x16 PNG.

    Pillow's maximum coverage, refined by k-means. A median cut (ffmpeg's palettegen) takes a tenth more bytes
    on fur and half as many again on clean pictures.
    """
    step = -(-len(strip.frames) // _MAX_FRAMES)
    opaque = colours - 1
    quantised = _image(strip.frames[::step]).quantize(
        opaque, method=Image.Quantize.MAXCOVERAGE, kmeans=_SETTLED, dither=Image.Dither.NONE
    )
    table = quantised.getpalette() or []
    chosen = [(*table[at : at + 3], 255) for at in range(0, min(len(table), 3 * opaque), 3)]
    image = Image.new("RGBA", (16, 16))
    image.putdata([*chosen, *[chosen[-1]] * (_SLOTS - 1 - len(chosen)), (0, 0, 0, 0)])
    image.save(palette_path, "PNG")


def _image(frames: Sequence[bytes]) -> Image.Image:
    return Image.frombytes("RGB", (WIDTH_PX, HEIGHT_PX * len(frames)), b"".join(frames))

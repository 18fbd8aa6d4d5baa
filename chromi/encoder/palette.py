"""Choose the colours: what the window's pixels are, and the palette that shows them best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

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
_LARGER_EVERY = 3
_STRIP_GRAPH = (
    "[0:v]split=3[all][small][large];[small]scale={small},format=rgb24[strip];"
    "[large]framestep={every},scale={large},format=gbrp[larger]"
).format(
    every=_LARGER_EVERY,
    small=f"{WIDTH_PX}:{HEIGHT_PX}:flags=neighbor:in_color_matrix=bt709:in_range=tv",
    large="640:360:flags=neighbor:in_color_matrix=bt709:in_range=tv",
)


@dataclass(frozen=True)
class Strip:
    """Every kept frame at 96x54: single pixels of it, not means, so that the colours are its own.

    `checksums` are of the whole frames: equal ones tell a repeated frame, however little changes in others.
    `larger_path` has every third frame at 640x360: the small ones are too small for a median cut.
    """

    larger_path: Path
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


def read_strip(frames_path: Path, work_dir: Path, *, limits: Limits, on_tick: Callable[[], None]) -> Strip:
    """Read the strip of kept frames; its files are made in `work_dir`. Raises TimedOut and EncodeError."""
    pixels_path, larger_path = work_dir / "strip.rgb", work_dir / "strip.nut"
    checksums: list[str] = []

    def read(line: str) -> None:
        if not line.startswith("#"):
            checksums.append(line.rpartition(",")[2].strip())

    run(
        [
            *(*QUIET, *kept_input(frames_path), "-filter_complex", _STRIP_GRAPH),
            *("-map", "[strip]", "-fps_mode", "passthrough", "-f", "rawvideo", "-y", str(pixels_path)),
            *("-map", "[larger]", "-c:v", "utvideo", "-fps_mode", "passthrough", "-y", str(larger_path)),
            *("-map", "[all]", "-fps_mode", "passthrough", "-f", "framecrc", "pipe:1"),
        ],
        limits=limits,
        on_output=read,
        on_tick=on_tick,
    ).check()
    pixels = pixels_path.read_bytes()
    pixels_path.unlink()
    frames = [pixels[at : at + _FRAME_BYTES] for at in range(0, len(pixels), _FRAME_BYTES)]
    return Strip(larger_path, frames, checksums)


def write_palette(
    strip: Strip, frames: range, colours: int, maker: str, palette_path: Path, *, limits: Limits
) -> None:
    """Write the palette of `colours` (2 to 256, one of them transparent) of these frames, for paletteuse.

    Two makers, as neither is best for all. "coverage" is Pillow's maximum coverage refined by k-means: it
    draws fur in a tenth fewer bytes at the same blurred PSNR and with a fraction of the banding (cambi 0.4,
    not 3.4). "perceptual" is ffmpeg's palettegen, a median cut in OkLab: on smooth gradients
    its VMAF is 2 higher.
    """
    if maker == "perceptual":
        _write_perceptual(strip, frames, colours, palette_path, limits)
    else:
        _write_coverage(strip, frames, colours, palette_path)


def _write_coverage(strip: Strip, frames: range, colours: int, palette_path: Path) -> None:
    step = max(1, len(frames) // _MAX_FRAMES)
    pixels = _image([strip.frames[number] for number in frames[::step]])
    opaque = colours - 1
    quantised = pixels.quantize(
        opaque, method=Image.Quantize.MAXCOVERAGE, kmeans=_SETTLED, dither=Image.Dither.NONE
    )
    table = quantised.getpalette() or []
    chosen = [(*table[at : at + 3], 255) for at in range(0, min(len(table), 3 * opaque), 3)]
    image = Image.new("RGBA", (16, 16))
    image.putdata([*chosen, *[chosen[-1]] * (_SLOTS - 1 - len(chosen)), (0, 0, 0, 0)])
    image.save(palette_path, "PNG")


def _write_perceptual(strip: Strip, frames: range, colours: int, palette_path: Path, limits: Limits) -> None:
    first, last = frames[0] // _LARGER_EVERY, frames[-1] // _LARGER_EVERY
    step = max(1, (last - first + 1) // _MAX_FRAMES)
    chosen = f"select='between(n,{first},{last})*not(mod(n-{first},{step}))'"
    run(
        [
            *(*QUIET, "-threads", "1", "-i", str(strip.larger_path)),
            *("-vf", f"{chosen},format=bgra,palettegen=max_colors={colours}"),
            *("-frames:v", "1", "-update", "1", "-f", "image2", "-y", str(palette_path)),
        ],
        limits=limits,
    ).check()


def _image(frames: Sequence[bytes]) -> Image.Image:
    return Image.frombytes("RGB", (WIDTH_PX, HEIGHT_PX * len(frames)), b"".join(frames))

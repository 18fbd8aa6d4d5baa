"""Make the start page's own background: evening hills that breathe. `python docs/start_background.py`"""

import math
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from chromi.encoder import ConversionOptions, convert
from chromi.encoder.process.ffmpeg import find_ffmpeg

STATIC = Path(__file__).parent.parent / "chromi" / "static"
SIZE_PX = (1280, 720)
FRAMES, FPS = 144, 24
HELD = 2
"""Frames for which a picture stands still: it moves less than a pixel, and takes half the bytes."""
FINER = 2
"""Drawn so many times as large, for smooth edges."""
SKY_TOP, SKY_LOW = (46, 42, 60), (206, 128, 98)
BANDS = 10
SUN = (244, 178, 128)
# Color, height of the ridge of 1, waves across the picture, amplitude of 1, and how far round it begins.
HILLS = (
    ((124, 78, 80), 0.60, 1.5, 0.020, 0.0),
    ((80, 58, 72), 0.70, 1.0, 0.025, 0.35),
    ((36, 32, 48), 0.82, 0.75, 0.030, 0.7),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "hills.mkv"
        write_clip(clip)
        options = ConversionOptions(max_mb=0.29)
        print(convert(clip, STATIC / "start.gif", options, work_dir=Path(folder) / "work"))
    write_still()


def write_still() -> None:
    """The loop's own first picture, so that nothing changes as it begins to move; few colors, few bytes."""
    with Image.open(STATIC / "start.gif") as loop:
        first = loop.convert("RGB")
    first.quantize(dither=Image.Dither.NONE).save(STATIC / "start.png", optimize=True)


def write_clip(path: Path) -> None:
    width, height = SIZE_PX
    raw = [
        "-f",
        "rawvideo",
        "-pixel_format",
        "rgb24",
        "-video_size",
        f"{width}x{height}",
        "-framerate",
        str(FPS),
    ]
    lossless = [
        "-c:v",
        "ffv1",
        "-pix_fmt",
        "yuv444p",
        "-colorspace",
        "bt709",
        "-vf",
        "scale=out_color_matrix=bt709",
    ]
    command = [str(find_ffmpeg()), "-v", "error", *raw, "-i", "-", *lossless, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:  # noqa: S603  our own words alone
        ffmpeg.communicate(b"".join(frame.tobytes() for frame in draw_frames()))


def draw_frames() -> Iterator[Image.Image]:
    sky = draw_sky()
    for number in range(FRAMES):
        frame = sky.copy()
        draw = ImageDraw.Draw(frame)
        for color, ridge, waves, amplitude, phase in HILLS:
            swing = math.cos(2 * math.pi * (number // HELD * HELD / FRAMES + phase))
            draw.polygon(outline(frame, ridge, waves, amplitude * swing, phase), fill=color)
        yield frame.resize(SIZE_PX, Image.Resampling.BOX)


def draw_sky() -> Image.Image:
    width, height = (FINER * side for side in SIZE_PX)
    column = Image.new("RGB", (1, BANDS))
    column.putdata([mix(SKY_TOP, SKY_LOW, row / (BANDS - 1)) for row in range(BANDS)])
    sky = column.resize((width, round(0.72 * height)), Image.Resampling.NEAREST).crop((0, 0, width, height))
    radius, x, y = 0.11 * height, 0.68 * width, 0.5 * height
    ImageDraw.Draw(sky).ellipse((x - radius, y - radius, x + radius, y + radius), fill=SUN)
    return sky


def outline(
    frame: Image.Image, ridge: float, waves: float, amplitude: float, phase: float
) -> list[tuple[float, float]]:
    """Return the corners of a hill: a still wave and a smaller one that swings."""
    width, height = frame.size

    def level(x: float) -> float:
        round_ = 2 * math.pi * (waves * x / width + phase)
        return height * (ridge + 0.05 * math.sin(round_) + amplitude * math.sin(2 * round_ + 1) / 2)

    top = [(x, level(x)) for x in range(0, width + 1, 8)]
    return [(0, height), *top, (width, height)]


def mix(one: tuple[int, ...], other: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main()

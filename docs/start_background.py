"""Make the start page's animated background of hills in the evening: `python docs/start_background.py`."""

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
FRAME_REPEATS = 2
"""Each drawn frame is shown this many times. It moves by less than a pixel, and the file is half as large."""
SUPERSAMPLING = 2
"""Frames are drawn at this multiple of their size to get smooth edges."""
MAX_MB = 0.29
SKY_TOP, SKY_BOTTOM = (46, 42, 60), (206, 128, 98)
SKY_BANDS = 10
SUN = (244, 178, 128)
# Color, ridge height (fraction of the frame), waves per frame width, amplitude, phase.
HILLS = (
    ((124, 78, 80), 0.60, 1.5, 0.020, 0.0),
    ((80, 58, 72), 0.70, 1.0, 0.025, 0.35),
    ((36, 32, 48), 0.82, 0.75, 0.030, 0.7),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "hills.mkv"
        write_clip(clip)
        options = ConversionOptions(max_mb=MAX_MB)
        print(convert(clip, STATIC / "start.gif", options, work_dir=Path(folder) / "work"))
    write_still()


def write_still() -> None:
    """Save the GIF's first frame, so that nothing changes visibly when the animation starts."""
    with Image.open(STATIC / "start.gif") as animation:
        first = animation.convert("RGB")
    first.quantize(dither=Image.Dither.NONE).save(STATIC / "start.png", optimize=True)


def write_clip(path: Path) -> None:
    width, height = SIZE_PX
    raw = f"-f rawvideo -pixel_format rgb24 -video_size {width}x{height} -framerate {FPS} -i -".split()
    ffv1 = ["-c:v", "ffv1", "-pix_fmt", "yuv444p"]
    bt709 = ["-colorspace", "bt709", "-vf", "scale=out_color_matrix=bt709"]
    command = [str(find_ffmpeg()), "-v", "error", *raw, *ffv1, *bt709, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:  # noqa: S603  our own arguments only
        ffmpeg.communicate(b"".join(frame.tobytes() for frame in draw_frames()))


def draw_frames() -> Iterator[Image.Image]:
    sky = draw_sky()
    for number in range(FRAMES):
        frame = sky.copy()
        draw = ImageDraw.Draw(frame)
        for color, ridge, waves, amplitude, phase in HILLS:
            progress = number // FRAME_REPEATS * FRAME_REPEATS / FRAMES
            swing = math.cos(2 * math.pi * (progress + phase))
            draw.polygon(hill_outline(frame, ridge, waves, amplitude * swing, phase), fill=color)
        yield frame.resize(SIZE_PX, Image.Resampling.BOX)


def draw_sky() -> Image.Image:
    width, height = (SUPERSAMPLING * side for side in SIZE_PX)
    column = Image.new("RGB", (1, SKY_BANDS))
    column.putdata([blend(SKY_TOP, SKY_BOTTOM, row / (SKY_BANDS - 1)) for row in range(SKY_BANDS)])
    sky = column.resize((width, round(0.72 * height)), Image.Resampling.NEAREST).crop((0, 0, width, height))
    radius, x, y = 0.11 * height, 0.68 * width, 0.5 * height
    ImageDraw.Draw(sky).ellipse((x - radius, y - radius, x + radius, y + radius), fill=SUN)
    return sky


def hill_outline(
    frame: Image.Image, ridge: float, waves: float, amplitude: float, phase: float
) -> list[tuple[float, float]]:
    """Return the vertices of a hill: a fixed wave plus a smaller one that sways."""
    width, height = frame.size

    def ridge_y(x: float) -> float:
        angle = 2 * math.pi * (waves * x / width + phase)
        return height * (ridge + 0.05 * math.sin(angle) + amplitude * math.sin(2 * angle + 1) / 2)

    top = [(x, ridge_y(x)) for x in range(0, width + 1, 8)]
    return [(0, height), *top, (width, height)]


def blend(first: tuple[int, ...], second: tuple[int, ...], fraction: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * fraction) for a, b in zip(first, second, strict=True))


if __name__ == "__main__":
    main()

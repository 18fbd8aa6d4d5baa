"""Draw the clip in the screenshots: a balloon over hills, from afternoon to night and back."""

import math
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from chromi.encoder.process.ffmpeg import find_ffmpeg

SIZE_PX = (1280, 720)
DURATION_S, FPS = 14, 24
SUPERSAMPLING = 2
"""Frames are drawn at this multiple of their size to get smooth edges."""
SKY_BANDS = 18
"""The sky consists of color bands, two thirds of them above the hills, because a GIF has few colors."""
Color = tuple[int, int, int]
SKIES: Sequence[tuple[Color, Color]] = (  # colors at the top and at the horizon, by time of day
    ((96, 152, 196), (246, 214, 170)),
    ((72, 74, 128), (244, 142, 96)),
    ((20, 24, 52), (74, 62, 104)),
)
SUN = (255, 226, 170)
# Day and night colors, ridge height (fraction of the frame), waves per frame width, phase.
HILLS: Sequence[tuple[Color, Color, float, float, float]] = (
    ((150, 138, 150), (52, 48, 82), 0.58, 1.4, 0.05),
    ((104, 110, 112), (38, 38, 66), 0.67, 1.0, 0.35),
    ((66, 86, 78), (24, 28, 48), 0.77, 0.8, 0.70),
    ((34, 54, 48), (12, 16, 30), 0.88, 0.6, 0.15),
)
STRIPES: Sequence[Color] = ((226, 84, 62), (250, 226, 190), (226, 84, 62), (250, 226, 190), (226, 84, 62))


def make_demo_clip(path: Path) -> Path:
    """Write the clip, 14 seconds of 1280x720, and return its path."""
    width, height = SIZE_PX
    raw = f"-f rawvideo -pixel_format rgb24 -video_size {width}x{height} -framerate {FPS} -i -".split()
    h264 = ["-c:v", "libx264", "-preset", "fast", "-crf", "20", "-pix_fmt", "yuv420p", "-g", "24"]
    command = [str(find_ffmpeg()), "-v", "error", *raw, *h264, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:  # noqa: S603  our own arguments only
        assert ffmpeg.stdin  # noqa: S101
        for frame in draw_frames():
            ffmpeg.stdin.write(frame.tobytes())
    return path


def draw_frames() -> Iterator[Image.Image]:
    """Draw the frames; `night` goes from 0 (afternoon) to 1 (night) and back."""
    width, height = (SUPERSAMPLING * side for side in SIZE_PX)
    for number in range(DURATION_S * FPS):
        night = (1 - math.cos(2 * math.pi * number / (DURATION_S * FPS))) / 2
        frame = draw_sky(night).resize((width, height), Image.Resampling.NEAREST)
        draw = ImageDraw.Draw(frame)
        draw_disc(draw, 0.66 * width, (0.26 + 0.62 * night) * height, 0.07 * height, SUN)
        for day_color, night_color, ridge, waves, phase in HILLS:
            drift = phase + 0.12 * night * ridge
            color = blend(day_color, night_color, night)
            draw.polygon(hill_outline((width, height), ridge, waves, drift), fill=color)
        x, y = (0.2 + 0.5 * night) * width, (0.4 - 0.08 * math.sin(7 * night)) * height
        draw_balloon(draw, x, y, 0.15 * height, night)
        yield frame.resize(SIZE_PX, Image.Resampling.BOX)


def draw_sky(night: float) -> Image.Image:
    """Return a one-pixel-wide column of the sky."""
    position = night * (len(SKIES) - 1)
    (top, bottom), (next_top, next_bottom) = (
        SKIES[int(position)],
        SKIES[min(int(position) + 1, len(SKIES) - 1)],
    )
    top, bottom = blend(top, next_top, position % 1), blend(bottom, next_bottom, position % 1)
    column = Image.new("RGB", (1, SKY_BANDS))
    column.putdata([blend(top, bottom, min(1, 1.5 * row / SKY_BANDS)) for row in range(SKY_BANDS)])
    return column


def draw_balloon(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, night: float) -> None:
    for number, color in enumerate(STRIPES):
        half_width = radius * math.cos(math.pi / 2 * number / len(STRIPES))
        shaded = blend(color, (40, 30, 60), 0.55 * night)
        draw.ellipse((x - half_width, y - radius, x + half_width, y + radius), fill=shaded)
    rope_color, basket_size = blend((70, 52, 44), (16, 14, 26), night), 0.2 * radius
    for side in (-1, 1):
        top = (x + side * 0.5 * radius, y + 0.86 * radius)
        bottom = (x + side * basket_size, y + 1.5 * radius)
        draw.line((*top, *bottom), fill=rope_color, width=4)
    basket = (x - basket_size, y + 1.5 * radius, x + basket_size, y + 1.8 * radius)
    draw.rounded_rectangle(basket, 8, fill=rope_color)


def draw_disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: Color) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


def hill_outline(
    size: tuple[int, int], ridge: float, waves: float, phase: float
) -> list[tuple[float, float]]:
    """Return the vertices of a hill."""
    width, height = size

    def ridge_y(x: float) -> float:
        angle = 2 * math.pi * (waves * x / width + phase)
        return height * (ridge + 0.05 * math.sin(angle) + 0.018 * math.sin(2.3 * angle + 1))

    top = [(x, ridge_y(x)) for x in range(0, width + 1, 8)]
    return [(0, height), *top, (width, height)]


def blend(first: Color, second: Color, fraction: float) -> Color:
    red, green, blue = (round(a + (b - a) * fraction) for a, b in zip(first, second, strict=True))
    return red, green, blue

"""The clip in the screenshots: a balloon over hills, from afternoon into the night and back. Drawn here."""

import math
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from chromi.encoder.process.ffmpeg import find_ffmpeg

SIZE_PX = (1280, 720)
SECONDS, FPS = 14, 24
FINER = 2
"""Drawn so many times as large, for smooth edges."""
BANDS = 18
"""The sky is painted in steps, two thirds of which are seen over the hills: a GIF has few colors."""
Color = tuple[int, int, int]
SKIES: Sequence[tuple[Color, Color]] = (  # from top to horizon, in the order of the hours
    ((96, 152, 196), (246, 214, 170)),
    ((72, 74, 128), (244, 142, 96)),
    ((20, 24, 52), (74, 62, 104)),
)
SUN = (255, 226, 170)
# Colors by day and by night, height of the ridge of 1, waves across the picture, where the first begins.
HILLS: Sequence[tuple[Color, Color, float, float, float]] = (
    ((150, 138, 150), (52, 48, 82), 0.58, 1.4, 0.05),
    ((104, 110, 112), (38, 38, 66), 0.67, 1.0, 0.35),
    ((66, 86, 78), (24, 28, 48), 0.77, 0.8, 0.70),
    ((34, 54, 48), (12, 16, 30), 0.88, 0.6, 0.15),
)
STRIPES: Sequence[Color] = ((226, 84, 62), (250, 226, 190), (226, 84, 62), (250, 226, 190), (226, 84, 62))


def make_scene(path: Path) -> Path:
    """Write the clip, 14 seconds of 1280x720, and return its path."""
    width, height = SIZE_PX
    raw = f"-f rawvideo -pixel_format rgb24 -video_size {width}x{height} -framerate {FPS} -i -".split()
    coded = ["-c:v", "libx264", "-preset", "fast", "-crf", "20", "-pix_fmt", "yuv420p", "-g", "24"]
    command = [str(find_ffmpeg()), "-v", "error", *raw, *coded, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:  # noqa: S603  our own words alone
        assert ffmpeg.stdin  # noqa: S101
        for frame in draw_frames():
            ffmpeg.stdin.write(frame.tobytes())
    return path


def draw_frames() -> Iterator[Image.Image]:
    width, height = (FINER * side for side in SIZE_PX)
    for number in range(SECONDS * FPS):
        hour = (1 - math.cos(2 * math.pi * number / (SECONDS * FPS))) / 2
        frame = draw_sky(hour).resize((width, height), Image.Resampling.NEAREST)
        draw = ImageDraw.Draw(frame)
        disc(draw, 0.66 * width, (0.26 + 0.62 * hour) * height, 0.07 * height, SUN)
        for by_day, by_night, ridge, waves, phase in HILLS:
            drift = phase + 0.12 * hour * ridge
            draw.polygon(outline((width, height), ridge, waves, drift), fill=mix(by_day, by_night, hour))
        x, y = (0.2 + 0.5 * hour) * width, (0.4 - 0.08 * math.sin(7 * hour)) * height
        draw_balloon(draw, x, y, 0.15 * height, hour)
        yield frame.resize(SIZE_PX, Image.Resampling.BOX)


def draw_sky(hour: float) -> Image.Image:
    """Return a column of one pixel's width; `hour` goes from 0 to 1."""
    place = hour * (len(SKIES) - 1)
    (top, low), (later_top, later_low) = SKIES[int(place)], SKIES[min(int(place) + 1, len(SKIES) - 1)]
    top, low = mix(top, later_top, place % 1), mix(low, later_low, place % 1)
    column = Image.new("RGB", (1, BANDS))
    column.putdata([mix(top, low, min(1, 1.5 * row / BANDS)) for row in range(BANDS)])
    return column


def draw_balloon(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, hour: float) -> None:
    for number, color in enumerate(STRIPES):
        half = radius * math.cos(math.pi / 2 * number / len(STRIPES))
        shade = mix(color, (40, 30, 60), 0.55 * hour)
        draw.ellipse((x - half, y - radius, x + half, y + radius), fill=shade)
    rope, basket = mix((70, 52, 44), (16, 14, 26), hour), 0.2 * radius
    for side in (-1, 1):
        rim, edge = (x + side * 0.5 * radius, y + 0.86 * radius), (x + side * basket, y + 1.5 * radius)
        draw.line((*rim, *edge), fill=rope, width=4)
    draw.rounded_rectangle((x - basket, y + 1.5 * radius, x + basket, y + 1.8 * radius), 8, fill=rope)


def disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: Color) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


def outline(size: tuple[int, int], ridge: float, waves: float, phase: float) -> list[tuple[float, float]]:
    """Return the corners of a hill."""
    width, height = size

    def level(x: float) -> float:
        turn = 2 * math.pi * (waves * x / width + phase)
        return height * (ridge + 0.05 * math.sin(turn) + 0.018 * math.sin(2.3 * turn + 1))

    top = [(x, level(x)) for x in range(0, width + 1, 8)]
    return [(0, height), *top, (width, height)]


def mix(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue

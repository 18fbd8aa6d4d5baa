"""Colors that are small or brief keep their place in the palette, however few colors it has."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder.frames.thumbnails import Thumbnails, read_thumbnails
from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.pipeline import convert
from chromi.encoder.process.subprocess_runner import Limits
from chromi.encoder.render.palette import Color, choose_colors
from tests.encoder.conftest import FULL, Keep
from tests.support.clips import make_clip

pytestmark = pytest.mark.slow

MAGENTA, RED, GREEN = (182, 26, 155), (230, 20, 20), (20, 170, 80)

# Grounds of many similar colors, as film and a screen have them.
GROUNDS = {
    "film": "gradients=c0=0x402818:c1=0x8a6a48:c2=0x20140c:n=3:speed=0.02:seed=3,"
    "format=yuv420p,noise=c0s=14:c0f=t",
    "screen": "color=0xf4f6f8,drawgrid=w=160:h=90:t=2:c=0xd0d4dc",
}
# What is drawn on the ground: for which of 24 frames, where (x, y, width, height), and in which color.
SHAPES = {
    "all of the picture for four frames": ("between(n,20,23)", (0, 0, 1280, 720), MAGENTA),
    "a dot of 12 pixels": ("1", (700, 400, 12, 12), RED),
    "a bar of 6 pixels": ("1", (0, 714, 1280, 6), GREEN),
    "a line of 2 pixels": ("1", (0, 362, 1280, 2), RED),
    "a dot of 16 pixels for a third of a second": ("between(n,10,17)", (304, 304, 16, 16), MAGENTA),
}


def clip_of(folder: Path, ground: str, shape: str) -> tuple[Path, Color]:
    when, (x, y, width, height), (red, green, blue) = SHAPES[shape]
    picture, _, filters = GROUNDS[ground].partition(",")
    drawn = (
        f"drawbox=x={x}:y={y}:w={width}:h={height}:thickness=fill"
        f":color=0x{red:02x}{green:02x}{blue:02x}:enable='{when}'"
    )
    clip = make_clip(
        folder / "c.mp4", seconds=1, rate=24, size="1280x720", picture=picture,
        filters=f"{filters},format=rgb24,{drawn},scale=out_color_matrix=bt709:out_range=tv,"
        "setparams=colorspace=bt709:range=tv", options=("-qp", "4"),
    )  # fmt: skip
    return clip, (red, green, blue)


@pytest.fixture
def strip_of(keep: Keep, tmp_path: Path) -> Callable[[Path], Thumbnails]:
    def read(clip: Path) -> Thumbnails:
        kept = keep(clip, duration_s=1, **FULL)
        return read_thumbnails(kept.frames_path, tmp_path, limits=Limits(30, 10**9), on_tick=lambda: None)

    return read


def off_by(colors: Sequence[Color], wanted: Color) -> int:
    return min(max(abs(a - b) for a, b in zip(color, wanted, strict=True)) for color in colors)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_rare_color_is_in_every_palette(
    ground: str, shape: str, tmp_path: Path, strip_of: Callable[[Path], Thumbnails]
) -> None:
    clip, color = clip_of(tmp_path, ground, shape)
    strip = strip_of(clip)
    tolerance = 24 if "line" in shape else 16  # of a thin line's color 4:2:0 keeps a part
    for count in (255, 63, 23):
        chosen = choose_colors(strip, count)
        assert len(chosen) <= count
        assert off_by(chosen, color) <= tolerance, f"of {count} colors"


def test_a_ground_without_rare_colors_gives_none_away(
    tmp_path: Path, strip_of: Callable[[Path], Thumbnails]
) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=1, rate=24, size="1280x720", picture="mandelbrot")
    strip = strip_of(clip)
    assert len(set(choose_colors(strip, 255))) > 250


@pytest.mark.parametrize(
    ("quality", "shape"),
    [
        (Quality.BALANCED, "a dot of 12 pixels"),
        (Quality.BEST, "all of the picture for four frames"),
    ],
)
def test_a_rare_color_is_in_the_gif(quality: Quality, shape: str, tmp_path: Path) -> None:
    clip, color = clip_of(tmp_path, "film", shape)
    gif = tmp_path / "out.gif"
    convert(clip, gif, ConversionOptions(duration_s=1, quality=quality), work_dir=tmp_path / "work")
    x, y = (706, 406)
    with Image.open(gif) as image:
        image.seek(22)
        assert image.convert("RGB").getpixel((x, y)) == pytest.approx(color, abs=12)

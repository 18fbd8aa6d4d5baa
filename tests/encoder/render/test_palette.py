"""Palettes of any size contain the colors of small and brief objects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chromi.encoder.frames.thumbnails import Thumbnails, read_thumbnails
from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.pipeline import convert
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.oklab import to_oklab
from chromi.encoder.render.palette import PaletteSequence, choose_palette, to_entries
from chromi.encoder.render.pixels import ByteArray, from_rgb
from tests.encoder.conftest import FULL_SIZE, Extract
from tests.support.clips import make_clip

pytestmark = pytest.mark.slow

MAGENTA, RED, GREEN = (182, 26, 155), (230, 20, 20), (20, 170, 80)

# Backgrounds of many similar colors, typical of live action and of screen recordings.
Color = tuple[int, int, int]

BACKGROUNDS = {
    "live action": "gradients=c0=0x402818:c1=0x8a6a48:c2=0x20140c:n=3:speed=0.02:seed=3,"
    "format=yuv420p,noise=c0s=14:c0f=t",
    "screen recording": "color=0xf4f6f8,drawgrid=w=160:h=90:t=2:c=0xd0d4dc",
}
# Objects on the background: in which of 24 frames, where (x, y, width, height), and in which color.
OBJECTS = {
    "the whole frame for four frames": ("between(n,20,23)", (0, 0, 1280, 720), MAGENTA),
    "a dot of 12 pixels": ("1", (700, 400, 12, 12), RED),
    "a bar of 6 pixels": ("1", (0, 714, 1280, 6), GREEN),
    "a line of 2 pixels": ("1", (0, 362, 1280, 2), RED),
    "a dot of 16 pixels for a third of a second": ("between(n,10,17)", (304, 304, 16, 16), MAGENTA),
}


def make_object_clip(folder: Path, background: str, object_name: str) -> tuple[Path, Color]:
    when, (x, y, width, height), (red, green, blue) = OBJECTS[object_name]
    source, _, filters = BACKGROUNDS[background].partition(",")
    box = (
        f"drawbox=x={x}:y={y}:w={width}:h={height}:thickness=fill"
        f":color=0x{red:02x}{green:02x}{blue:02x}:enable='{when}'"
    )
    clip = make_clip(
        folder / "c.mp4", seconds=1, rate=24, size="1280x720", pattern=source,
        filters=f"{filters},format=rgb24,{box},scale=out_color_matrix=bt709:out_range=tv,"
        "setparams=colorspace=bt709:range=tv", options=("-qp", "4"),
    )  # fmt: skip
    return clip, (red, green, blue)


@pytest.fixture
def read_thumbnails_of(extract: Extract, tmp_path: Path) -> Callable[[Path], Thumbnails]:
    def read(clip: Path) -> Thumbnails:
        kept = extract(clip, duration_s=1, **FULL_SIZE)
        return read_thumbnails(
            kept.frames_path, tmp_path, limits=ProcessLimits(30, 10**9), on_tick=lambda: None
        )

    return read


def smallest_distance(palette: ByteArray, expected: Color) -> float:
    """Return the distance of the color to the nearest one of the palette in OKLab."""
    difference = to_oklab(palette) - to_oklab(np.array([expected], np.uint8))
    return float(np.sqrt((difference**2).sum(1)).min())


def choose(thumbnails: Thumbnails, count: int) -> ByteArray:
    return choose_palette(np.asarray(thumbnails.samples).reshape(-1, 3), count)


@pytest.mark.parametrize(
    ("background", "object_name"),
    [
        *(("live action", name) for name in OBJECTS),
        *(("screen recording", name) for name in ("a dot of 12 pixels", "a line of 2 pixels")),
    ],
)
def test_rare_color_is_in_palettes_of_any_size(
    background: str, object_name: str, tmp_path: Path, read_thumbnails_of: Callable[[Path], Thumbnails]
) -> None:
    clip, color = make_object_clip(tmp_path, background, object_name)
    thumbnails = read_thumbnails_of(clip)
    tolerance = 0.06 if "line" in object_name else 0.04  # 4:2:0 desaturates a thin line
    for count in (255, 63, 23):
        chosen = choose(thumbnails, count)
        assert len(chosen) <= count
        assert smallest_distance(chosen, color) <= tolerance, f"of {count} colors"


def test_palette_is_full_when_no_colors_are_rare(
    tmp_path: Path, read_thumbnails_of: Callable[[Path], Thumbnails]
) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=1, rate=24, size="1280x720", pattern="mandelbrot")
    thumbnails = read_thumbnails_of(clip)
    assert len({tuple(color) for color in choose(thumbnails, 255).tolist()}) > 250


@pytest.mark.parametrize(
    ("quality", "object_name"),
    [
        (Quality.BALANCED, "a dot of 12 pixels"),
        (Quality.BEST, "the whole frame for four frames"),
    ],
)
def test_rare_color_is_in_the_gif(quality: Quality, object_name: str, tmp_path: Path) -> None:
    clip, color = make_object_clip(tmp_path, "live action", object_name)
    gif = tmp_path / "out.gif"
    options = ConversionOptions(start_s=0.5, duration_s=0.5, quality=quality, width_px=640, height_px=360)
    convert(clip, gif, options, work_dir=tmp_path / "work")
    x, y = (353, 203)
    with Image.open(gif) as image:
        image.seek(10)
        assert image.convert("RGB").getpixel((x, y)) == pytest.approx(color, abs=12)


def test_few_colors_are_kept_exactly() -> None:
    colors = np.array([[0, 0, 0], [255, 0, 0], [12, 200, 99]], np.uint8)
    palette = choose_palette(np.repeat(colors, 500, axis=0), 255)
    assert sorted(palette.tolist()) == sorted(colors.tolist())


def test_few_colors_of_small_elements_are_kept_exactly() -> None:
    pixels = np.zeros((100_000, 3), np.uint8)
    elements = [[250, 10, 20], [20, 250, 30], [40, 30, 250]]
    for number, color in enumerate(elements):
        pixels[30_000 * number : 30_000 * number + 4] = color
    palette = choose_palette(pixels, 255)
    assert sorted(palette.tolist()) == sorted([[0, 0, 0], *elements])


def test_next_palette_follows_the_colors_of_the_next_frame() -> None:
    random = np.random.default_rng(1)
    dark, light = (random.integers(low, low + 40, (20_000, 3)).astype(np.uint8) for low in (0, 200))
    palettes = PaletteSequence(16)
    assert palettes.next(from_rgb(dark)).max() < 50
    assert palettes.next(from_rgb(light)).min() > 190


def test_steady_pixels_get_more_colors() -> None:
    """Half of the pixels are green and half red; the green ones have been displayed for 15 times as long."""
    random = np.random.default_rng(1)
    pixels = np.zeros((20_000, 3), np.uint8)
    pixels[::2, 0], pixels[1::2, 1] = random.integers(60, 255, (2, 10_000))
    weights = np.tile(np.array([1, 15], np.float32), 10_000)
    palette = PaletteSequence(32).next(from_rgb(pixels), weights, samples=8000)
    assert (palette[:, 1] > palette[:, 0]).sum() > 18


def test_palette_ends_with_a_transparent_color() -> None:
    packed = to_entries(np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
    assert packed[:3].tolist() == [0xFF010203, 0xFF040506, 0xFF040506]
    assert (len(packed), packed[254], packed[255]) == (256, 0xFF040506, 0)

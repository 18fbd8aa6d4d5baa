"""Clips with other aspect ratios are cropped around the focus, or padded with a color or a blur."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chromi.encoder.options import Framing
from tests.encoder.conftest import Extract, FirstFrame, is_close_to, read_frame
from tests.encoder.frames.test_aspect_and_color import color_name_at
from tests.support.clips import make_clip

BANDS = "drawbox=h=ih/3:color=red:t=fill,drawbox=y=2*ih/3:h=ih/3:color=blue:t=fill"
RED, LIME = (255, 0, 0), (0, 255, 0)


@pytest.fixture(scope="module")
def tall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portrait clip of three bands: red, lime, blue."""
    path = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return make_clip(path, seconds=1, size="360x640", pattern="color=lime", filters=BANDS)


def pixel(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    found = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(found, tuple)
    return found


def bands(image: Image.Image) -> list[str]:
    return [color_name_at(image, 0.5, y) for y in (0.05, 0.5, 0.95)]


def test_blur_pads_with_darkened_copy(tall: Path, first_frame: FirstFrame) -> None:
    image = first_frame(tall, framing=Framing.BLUR)
    assert image.size == (1280, 720)
    assert color_name_at(image, 0.5, 0.03) == "red"
    around = pixel(image, 0.1, 0.5)
    assert around[1] > 100 > max(around[0], around[2])
    assert not is_close_to(around, LIME)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("focus", "band"), [((0.5, 0.0), "red"), ((0.5, 0.5), "lime"), ((0.5, 1.0), "blue"), ((1, 0.1), "red")]
)
def test_fill_crops_around_focus(
    focus: tuple[float, float], band: str, tall: Path, first_frame: FirstFrame
) -> None:
    image = first_frame(tall, focus=focus)
    assert [color_name_at(image, x, y) for x, y in ((0.1, 0.1), (0.5, 0.5), (0.9, 0.9))] == [band] * 3


@pytest.mark.slow
def test_fill_centers_focus_as_far_as_edges_allow(tmp_path: Path, first_frame: FirstFrame) -> None:
    """A line at 30% of a panorama's width can be centered. A line at 5% is too close to the edge."""
    for place, seen_at in ((0.3, 0.5), (0.05, 0.1)):
        line = f"drawbox=x={place}*iw-20:w=40:h=ih:color=red:t=fill"
        clip = make_clip(tmp_path / f"{place}.mp4", seconds=0.1, size="1280x360", filters=line)
        image = first_frame(clip, focus=(place, 0.5))
        assert color_name_at(image, seen_at, 0.5) == "red"


@pytest.mark.slow
def test_fit_pads_with_chosen_color(tall: Path, first_frame: FirstFrame) -> None:
    image = first_frame(tall, framing=Framing.FIT, pad="#204080")
    assert bands(image) == ["red", "lime", "blue"]
    assert is_close_to(pixel(image, 0.02, 0.5), (0x20, 0x40, 0x80), tolerance=4)
    assert is_close_to(pixel(image, 0.98, 0.5), (0x20, 0x40, 0x80), tolerance=4)


@pytest.mark.slow
def test_fit_pads_with_edge_color_of_first_frame(
    tmp_path: Path, first_frame: FirstFrame, extract: Extract
) -> None:
    """The edge is red in the first frame. Its later colors have no effect."""
    filters = "drawbox=x=40:y=40:w=280:h=560:color=lime:t=fill,negate=enable='gt(n,3)'"
    clip = make_clip(
        tmp_path / "c.mp4", seconds=1, size="360x640", pattern="color=red", filters=f"format=rgb24,{filters}"
    )
    image = first_frame(clip, framing=Framing.FIT)
    assert (color_name_at(image, 0.5, 0.02), color_name_at(image, 0.5, 0.5)) == ("red", "lime")
    assert is_close_to(pixel(image, 0.05, 0.5), RED, tolerance=40)
    last = first_frame(clip, framing=Framing.FIT, start_s=0.9)
    assert not is_close_to(pixel(last, 0.05, 0.5), RED, tolerance=40)


@pytest.mark.slow
@pytest.mark.parametrize("framing", [Framing.FIT, Framing.BLUR])
def test_16_9_clip_is_the_same_in_every_framing(
    framing: Framing, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.1, size="1080x608")
    filled = first_frame(clip)
    assert first_frame(clip, framing=framing).tobytes() == filled.tobytes()


@pytest.mark.slow
def test_anamorphic_clip_is_fitted_as_displayed(tmp_path: Path, first_frame: FirstFrame) -> None:
    """640x480 with a pixel aspect ratio of 1:2 is displayed as 320x480 and fits to a width of 480 pixels."""
    clip = make_clip(
        tmp_path / "c.mp4", seconds=0.1, size="640x480", pattern="color=red", filters="setsar=1/2"
    )
    image = first_frame(clip, framing=Framing.FIT, pad="#00ff00")
    assert [color_name_at(image, x, 0.5) for x in (0.3, 0.325, 0.675, 0.7)] == ["lime", "red", "red", "lime"]


SIZES = ("1x1", "2x2000", "2000x2", "321x241", "100x1000", "1081x607")
FRAMINGS: dict[str, dict[str, Any]] = {
    "auto": {"framing": Framing.FIT},
    "color": {"framing": Framing.FIT, "pad": "#ff0000"},
    "blur": {"framing": Framing.BLUR},
}


@pytest.fixture(scope="module")
def red(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of red at the parametrized size."""
    return make_clip(
        tmp_path_factory.mktemp("red") / "c.mkv",
        **{"seconds": 4 / 24, "rate": 24, "size": request.param, "pattern": "color=red"},
        **{"codec": "ffv1", "pix_fmt": "yuv444p"},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("red", "height_px", "options"),
    [
        *((size, 720, FRAMINGS[name]) for size in SIZES for name in ("auto", "blur")),
        ("321x241", 720, FRAMINGS["color"]),
        *(("321x241", 1080, options) for options in FRAMINGS.values()),
    ],
    indirect=["red"],
)
def test_framing_preserves_frames_and_colors_of_every_size(
    red: Path, height_px: int, options: dict[str, Any], extract: Extract
) -> None:
    width_px = height_px * 16 // 9
    extracted = extract(red, width_px=width_px, height_px=height_px, **options)
    assert extracted.count == 4
    image = read_frame(extracted, 0)
    assert image.size == (width_px, height_px)
    assert is_close_to(pixel(image, 0.5, 0.5), RED, tolerance=64), "for 2x2000, its blur"


@pytest.mark.slow
def test_fitted_clip_with_alpha_shows_background_color(tmp_path: Path, first_frame: FirstFrame) -> None:
    clip = make_clip(
        tmp_path / "c.mov",
        seconds=0.1,
        size="360x640",
        codec="qtrle",
        pix_fmt="argb",
        pattern="color=red",
        filters="format=argb,colorchannelmixer=aa=0",
    )
    image = first_frame(clip, framing=Framing.FIT, pad="#00ff00")
    assert is_close_to(pixel(image, 0.5, 0.5), (0x20, 0x21, 0x24), tolerance=6)
    assert color_name_at(image, 0.1, 0.5) == "lime"

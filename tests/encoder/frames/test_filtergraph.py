"""A picture of another shape is cropped around its focus, or shown whole on a color or a blur."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chromi.encoder.options import Framing
from tests.encoder.conftest import Keep, Look, first_picture, is_near
from tests.encoder.frames.test_aspect_and_color import name_of
from tests.support.clips import make_clip

BANDS = "drawbox=h=ih/3:color=red:t=fill,drawbox=y=2*ih/3:h=ih/3:color=blue:t=fill"
RED, LIME = (255, 0, 0), (0, 255, 0)


@pytest.fixture(scope="module")
def tall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Upright, of three bands: red, lime, blue."""
    path = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return make_clip(path, seconds=1, size="360x640", picture="color=lime", filters=BANDS)


def pixel(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    found = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(found, tuple)
    return found


def bands(image: Image.Image) -> list[str]:
    return [name_of(image, 0.5, y) for y in (0.05, 0.5, 0.95)]


def test_blur_shows_the_whole_picture_on_itself_darkened(tall: Path, look: Look) -> None:
    image = look(tall, framing=Framing.BLUR)
    assert image.size == (1280, 720)
    assert name_of(image, 0.5, 0.03) == "red"
    around = pixel(image, 0.1, 0.5)
    assert around[1] > 100 > max(around[0], around[2])
    assert not is_near(around, LIME)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("focus", "band"), [((0.5, 0.0), "red"), ((0.5, 0.5), "lime"), ((0.5, 1.0), "blue"), ((1, 0.1), "red")]
)
def test_fill_keeps_the_focus(focus: tuple[float, float], band: str, tall: Path, look: Look) -> None:
    image = look(tall, focus=focus)
    assert [name_of(image, x, y) for x, y in ((0.1, 0.1), (0.5, 0.5), (0.9, 0.9))] == [band] * 3


@pytest.mark.slow
def test_the_focus_comes_to_the_middle_where_it_can(tmp_path: Path, look: Look) -> None:
    """A line at 30 % of the width of a panorama; at 5 % the picture's edge is in the way."""
    for place, seen_at in ((0.3, 0.5), (0.05, 0.1)):
        line = f"drawbox=x={place}*iw-20:w=40:h=ih:color=red:t=fill"
        clip = make_clip(tmp_path / f"{place}.mp4", seconds=0.1, size="1280x360", filters=line)
        image = look(clip, focus=(place, 0.5))
        assert name_of(image, seen_at, 0.5) == "red"


@pytest.mark.slow
def test_fit_shows_everything_on_the_color_that_was_asked_for(tall: Path, look: Look) -> None:
    image = look(tall, framing=Framing.FIT, pad="#204080")
    assert bands(image) == ["red", "lime", "blue"]
    assert is_near(pixel(image, 0.02, 0.5), (0x20, 0x40, 0x80), tolerance=4)
    assert is_near(pixel(image, 0.98, 0.5), (0x20, 0x40, 0x80), tolerance=4)


@pytest.mark.slow
def test_fit_takes_the_color_of_the_pictures_edge(tmp_path: Path, look: Look, keep: Keep) -> None:
    """The edge is red on the first frame, and what it becomes later changes nothing."""
    filters = "drawbox=x=40:y=40:w=280:h=560:color=lime:t=fill,negate=enable='gt(n,3)'"
    clip = make_clip(
        tmp_path / "c.mp4", seconds=1, size="360x640", picture="color=red", filters=f"format=rgb24,{filters}"
    )
    image = look(clip, framing=Framing.FIT)
    assert (name_of(image, 0.5, 0.02), name_of(image, 0.5, 0.5)) == ("red", "lime")
    assert is_near(pixel(image, 0.05, 0.5), RED, tolerance=40)
    last = look(clip, framing=Framing.FIT, start_s=0.9)
    assert not is_near(pixel(last, 0.05, 0.5), RED, tolerance=40)


@pytest.mark.slow
@pytest.mark.parametrize("framing", [Framing.FIT, Framing.BLUR])
def test_a_wide_picture_is_the_same_however_it_is_framed(
    framing: Framing, tmp_path: Path, look: Look
) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.1, size="1080x608")
    filled = look(clip)
    assert look(clip, framing=framing).tobytes() == filled.tobytes()


@pytest.mark.slow
def test_anamorphic_pixels_are_fitted_as_they_are_displayed(tmp_path: Path, look: Look) -> None:
    """640x480 of pixels half as wide as high is displayed 320x480: 480 of 1280 pixels wide."""
    clip = make_clip(
        tmp_path / "c.mp4", seconds=0.1, size="640x480", picture="color=red", filters="setsar=1/2"
    )
    image = look(clip, framing=Framing.FIT, pad="#00ff00")
    assert [name_of(image, x, 0.5) for x in (0.3, 0.325, 0.675, 0.7)] == ["lime", "red", "red", "lime"]


@pytest.fixture(scope="module")
def red(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second of red, in the size that the test asks for."""
    return make_clip(
        tmp_path_factory.mktemp("red") / "c.mkv",
        **{"seconds": 0.5, "rate": 24, "size": request.param, "picture": "color=red"},
        **{"codec": "ffv1", "pix_fmt": "yuv444p"},
    )


@pytest.mark.slow
@pytest.mark.parametrize("red", ["1x1", "2x2000", "2000x2", "321x241", "100x1000", "1081x607"], indirect=True)
@pytest.mark.parametrize(
    "options",
    [{"framing": Framing.FIT}, {"framing": Framing.FIT, "pad": "#ff0000"}, {"framing": Framing.BLUR}],
    ids=["auto", "color", "blur"],
)
@pytest.mark.parametrize(("width_px", "height_px"), [(1280, 720), (1920, 1080)])
def test_every_size_keeps_every_frame_and_its_color(
    red: Path, options: dict[str, Any], width_px: int, height_px: int, keep: Keep
) -> None:
    kept = keep(red, width_px=width_px, height_px=height_px, **options)
    assert kept.count == 12
    image = first_picture(kept)
    assert image.size == (width_px, height_px)
    assert is_near(pixel(image, 0.5, 0.5), RED, tolerance=64), "or its blur, where it is two pixels wide"


@pytest.mark.slow
def test_a_fitted_picture_with_alpha_lies_on_its_paper(tmp_path: Path, look: Look) -> None:
    clip = make_clip(
        tmp_path / "c.mov",
        seconds=0.1,
        size="360x640",
        codec="qtrle",
        pix_fmt="argb",
        picture="color=red",
        filters="format=argb,colorchannelmixer=aa=0",
    )
    image = look(clip, framing=Framing.FIT, pad="#00ff00")
    assert is_near(pixel(image, 0.5, 0.5), (0x20, 0x21, 0x24), tolerance=6)
    assert name_of(image, 0.1, 0.5) == "lime"

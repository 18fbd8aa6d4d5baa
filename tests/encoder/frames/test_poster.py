"""The poster is the first frame in full color."""

from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder import ConversionOptions, convert
from chromi.encoder.encoder_errors import Cancelled
from chromi.encoder.frames.poster import Poster
from chromi.errors import BadOptions
from tests.encoder.conftest import FULL_SIZE, Extract, is_close_to
from tests.support.clips import make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "c.mp4"
    return make_clip(path, seconds=1, size="320x180", pattern="color=0x4080C0")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "image_format"), [("p.png", "PNG"), ("p.JPG", "JPEG"), ("p.jpeg", "JPEG")])
def test_suffix_selects_image_format(
    name: str, image_format: str, clip: Path, extract: Extract, tmp_path: Path
) -> None:
    poster = Poster(tmp_path / name)
    poster.render(extract(clip, duration_s=1 / 24, **FULL_SIZE).frames_path)
    assert not (tmp_path / name).exists()
    poster.publish(on_tick=lambda: None)
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.mode, image.size) == (image_format, "RGB", (1280, 720))
        pixel = image.getpixel((640, 360))
    assert isinstance(pixel, tuple)
    assert is_close_to(pixel, (0x40, 0x80, 0xC0), tolerance=5)
    assert not list(tmp_path.glob(".chromi-*"))


@pytest.mark.parametrize("name", ["p.bmp", "p", "p.gif"])
def test_unsupported_suffix_is_rejected_before_conversion(name: str, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match=r"must end in \.png, \.jpg or \.jpeg"):
        convert(
            clip, tmp_path / "o.gif", ConversionOptions(), work_dir=tmp_path / "work", poster=tmp_path / name
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_poster_is_published_with_gif(clip: Path, tmp_path: Path) -> None:
    poster = tmp_path / "o.png"
    convert(
        clip, tmp_path / "o.gif", ConversionOptions(duration_s=0.5), work_dir=tmp_path / "work", poster=poster
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.gif", "o.png"]
    with Image.open(poster) as image:
        assert image.size == (1280, 720)


@pytest.mark.slow
def test_no_poster_is_published_when_cancelled(clip: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    with pytest.raises(Cancelled):
        convert(
            *(clip, tmp_path / "o.gif", ConversionOptions(duration_s=1)),
            work_dir=tmp_path / "work",
            poster=tmp_path / "o.png",
            on_progress=lambda progress: steps.append(progress.step),
            should_stop=lambda: steps[-1] == "checking",
        )
    assert list(tmp_path.iterdir()) == []

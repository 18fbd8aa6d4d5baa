"""The first frame as a still picture, in full color."""

from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder import ConversionOptions, convert
from chromi.encoder.encoder_errors import Cancelled
from chromi.encoder.frames.poster import Poster
from chromi.errors import BadOptions
from tests.encoder.conftest import FULL, Keep, is_near
from tests.support.clips import make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "c.mp4"
    return make_clip(path, seconds=1, size="320x180", picture="color=0x4080C0")


@pytest.mark.parametrize(("name", "kind"), [("p.png", "PNG"), ("p.JPG", "JPEG"), ("p.jpeg", "JPEG")])
def test_the_suffix_chooses_the_kind(name: str, kind: str, clip: Path, keep: Keep, tmp_path: Path) -> None:
    poster = Poster(tmp_path / name)
    poster.render(keep(clip, duration_s=1 / 24, **FULL).frames_path)
    assert not (tmp_path / name).exists()
    poster.publish(on_tick=lambda: None)
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.mode, image.size) == (kind, "RGB", (1280, 720))
        pixel = image.getpixel((640, 360))
    assert isinstance(pixel, tuple)
    assert is_near(pixel, (0x40, 0x80, 0xC0), tolerance=5)
    assert not list(tmp_path.glob(".chromi-*"))


@pytest.mark.parametrize("name", ["p.bmp", "p", "p.gif"])
def test_other_kinds_are_refused_before_any_work(name: str, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match=r"must end in \.png, \.jpg or \.jpeg"):
        convert(
            clip, tmp_path / "o.gif", ConversionOptions(), work_dir=tmp_path / "work", poster=tmp_path / name
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_poster_appears_with_its_gif(clip: Path, tmp_path: Path) -> None:
    poster = tmp_path / "o.png"
    convert(
        clip, tmp_path / "o.gif", ConversionOptions(duration_s=0.5), work_dir=tmp_path / "work", poster=poster
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.gif", "o.png"]
    with Image.open(poster) as image:
        assert image.size == (1280, 720)


@pytest.mark.slow
def test_without_a_gif_there_is_no_poster(clip: Path, tmp_path: Path) -> None:
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

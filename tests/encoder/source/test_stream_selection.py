"""Of several video streams, the one that a player would show is converted."""

from pathlib import Path

import pytest

from chromi.encoder.source.probe import probe_video
from chromi.errors import NotAVideo
from tests.encoder.conftest import Extract, make_counting_clip, read_lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_counting_clip(tmp_path / "film.mp4", seconds=3)


def still(path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "color=gray:size=48x48", "-frames:v", "1", "-c:v", "mjpeg", path)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("disposition", ["default", "0"])
def test_a_thumbnail_before_the_film_is_passed_over(
    suffix: str, disposition: str, film: Path, tmp_path: Path, extract: Extract
) -> None:
    clip = tmp_path / f"c.{suffix}"
    ffmpeg(
        *("-i", still(tmp_path / "still.mkv"), "-i", film, "-map", "0:v", "-map", "1:v", "-c", "copy"),
        *(
            "-disposition:v:0",
            disposition,
            "-disposition:v:1",
            "default" if disposition == "0" else "0",
            clip,
        ),
    )
    info = probe_video(clip)
    assert info.codec == "h264"
    assert info.duration_s == pytest.approx(3, abs=0.05)
    assert read_lumas(extract(clip, start_s=1)) == list(range(44, 68))


def test_the_default_of_two_films_is_shown(film: Path, tmp_path: Path) -> None:
    other = make_clip(tmp_path / "other.mp4", seconds=2, size="48x48")
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-i", other, "-i", film, "-map", "0:v", "-map", "1:v", "-c", "copy"),
        *("-disposition:v:0", "0", "-disposition:v:1", "default", clip),
    )
    assert probe_video(clip).width_px == 32


def test_an_animated_avif_moves(tmp_path: Path, extract: Extract) -> None:
    clip = make_clip(
        tmp_path / "c.avif", seconds=2, rate=12, size="64x36", codec="libaom-av1", pattern="testsrc2"
    )
    assert probe_video(clip).duration_s == pytest.approx(2, abs=0.1)
    assert extract(clip, duration_s=2).count == 48


def test_a_cover_before_the_film_is_passed_over(film: Path, tmp_path: Path) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-i", film, "-i", still(tmp_path / "still.mkv"), "-map", "1:v", "-map", "0:v", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", clip),
    )
    assert probe_video(clip).width_px == 32


def test_dolby_vision_that_has_no_picture_of_its_own_is_refused(film: Path, tmp_path: Path) -> None:
    """Profile 5, as the record in the sample description says; its colors make no sense by themselves."""
    content = film.read_bytes()
    record = b"\x00\x00\x00\x20dvcC" + bytes((1, 0, 5 << 1, 0b00011101, 0)) + bytes(19)
    clip = tmp_path / "dolby.mp4"
    clip.write_bytes(insert_into_sample_entry(content, record))
    with pytest.raises(NotAVideo, match="Dolby Vision profile 5"):
        probe_video(clip)


def insert_into_sample_entry(movie: bytes, box: bytes) -> bytes:
    """Add a box behind avcC; all boxes around it grow. The index must come after the pictures."""
    content = bytearray(movie)
    assert content.index(b"moov") > content.index(b"mdat")
    at = content.index(b"avcC") - 4
    end = at + int.from_bytes(content[at : at + 4])
    content[end:end] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        start = content.index(name) - 4
        size = int.from_bytes(content[start : start + 4]) + len(box)
        content[start : start + 4] = size.to_bytes(4)
    return bytes(content)

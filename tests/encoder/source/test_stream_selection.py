"""The video stream that a player would show is converted, if there are several."""

from pathlib import Path

import pytest

from chromi.encoder.source.probe import probe_video
from chromi.errors import NotAVideo
from tests.encoder.conftest import Extract, make_counting_clip, read_lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_counting_clip(tmp_path / "video.mp4", seconds=3)


def make_still(path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "color=gray:size=48x48", "-frames:v", "1", "-c:v", "mjpeg", path)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("disposition", ["default", "0"])
def test_thumbnail_track_before_the_video_is_skipped(
    suffix: str, disposition: str, video: Path, tmp_path: Path, extract: Extract
) -> None:
    clip = tmp_path / f"c.{suffix}"
    ffmpeg(
        *("-i", make_still(tmp_path / "still.mkv"), "-i", video, "-map", "0:v", "-map", "1:v", "-c", "copy"),
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


def test_default_stream_of_two_is_selected(video: Path, tmp_path: Path) -> None:
    other = make_clip(tmp_path / "other.mp4", seconds=2, size="48x48")
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-i", other, "-i", video, "-map", "0:v", "-map", "1:v", "-c", "copy"),
        *("-disposition:v:0", "0", "-disposition:v:1", "default", clip),
    )
    assert probe_video(clip).width_px == 32


def test_animated_avif_is_read_as_video(tmp_path: Path, extract: Extract) -> None:
    clip = make_clip(
        tmp_path / "c.avif", seconds=2, rate=12, size="64x36", codec="libaom-av1", pattern="testsrc2"
    )
    assert probe_video(clip).duration_s == pytest.approx(2, abs=0.1)
    assert extract(clip, duration_s=2).count == 48


def test_cover_image_before_the_video_is_skipped(video: Path, tmp_path: Path) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-i", video, "-i", make_still(tmp_path / "still.mkv"), "-map", "1:v", "-map", "0:v", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", clip),
    )
    assert probe_video(clip).width_px == 32


def test_dolby_vision_profile_5_is_rejected(video: Path, tmp_path: Path) -> None:
    """The record in the sample description states profile 5, whose base layer alone has wrong colors."""
    content = video.read_bytes()
    record = b"\x00\x00\x00\x20dvcC" + bytes((1, 0, 5 << 1, 0b00011101, 0)) + bytes(19)
    clip = tmp_path / "dolby.mp4"
    clip.write_bytes(insert_into_sample_entry(content, record))
    with pytest.raises(NotAVideo, match="Dolby Vision profile 5"):
        probe_video(clip)


def insert_into_sample_entry(movie: bytes, box: bytes) -> bytes:
    """Insert a box after avcC and enlarge its parents. The index must follow the media data."""
    content = bytearray(movie)
    assert content.index(b"moov") > content.index(b"mdat")
    avcc = content.index(b"avcC") - 4
    end = avcc + int.from_bytes(content[avcc : avcc + 4])
    content[end:end] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        start = content.index(name) - 4
        size = int.from_bytes(content[start : start + 4]) + len(box)
        content[start : start + 4] = size.to_bytes(4)
    return bytes(content)

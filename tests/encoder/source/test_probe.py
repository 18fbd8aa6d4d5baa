"""A file is what its bytes say, and what is no video is refused with a sentence that says why."""

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from chromi.encoder.encoder_errors import Cancelled, ConverterKilled
from chromi.encoder.process.subprocess_runner import Outcome
from chromi.encoder.source import probe
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.video_info import VideoInfo
from chromi.errors import NotAVideo
from tests.support.clips import ffmpeg, make_clip, make_sound


def refusal(path: Path) -> str:
    with pytest.raises(NotAVideo) as caught:
        probe_video(path)
    assert caught.value.status_code == 415
    return caught.value.user_message


@pytest.mark.parametrize(
    ("suffix", "codec", "container", "name"),
    [
        ("mp4", "libx264", "mov", "h264"),
        ("mov", "libx265", "mov", "hevc"),
        ("mkv", "libx264", "matroska", "h264"),
        ("webm", "libvpx-vp9", "matroska", "vp9"),
        ("webm", "libvpx", "matroska", "vp8"),
        ("gif", "gif", "gif", "gif"),
    ],
)
def test_a_clip_is_described(suffix: str, codec: str, container: str, name: str, tmp_path: Path) -> None:
    pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
    clip = make_clip(
        tmp_path / f"c.{suffix}", seconds=2, codec=codec, size="320x180", rate=25, pix_fmt=pix_fmt
    )
    info = probe_video(clip)
    assert (info.container, info.codec) == (container, name)
    assert (info.width_px, info.height_px) == (320, 180)
    assert info.duration_s == pytest.approx(2, abs=0.05)
    assert not info.is_hdr


def claiming(clip: Path, version: bytes) -> Path:
    """Return a copy of a clip made by x264 whose note says another version, in the same place."""
    note = b"x264 - core 123 r3456"
    (start,) = (match.start() for match in re.finditer(rb"x264 - core \d", clip.read_bytes()))
    content = bytearray(clip.read_bytes())
    content[start : start + len(note)] = (b"x264 - core " + version).ljust(len(note))
    copy = clip.with_stem(f"claims-{version.hex()}")
    copy.write_bytes(content)
    return copy


def test_the_version_of_x264_is_read(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2)
    assert (probe_video(clip).x264_build or 0) > 151
    for suffix in ("mkv", "mov"):
        ffmpeg("-i", clip, "-c", "copy", clip.with_suffix(f".{suffix}"))
        assert probe_video(clip.with_suffix(f".{suffix}")).x264_build == probe_video(clip).x264_build
    for version in (1, 67, 142, 999):
        assert probe_video(claiming(clip, b"%d" % version)).x264_build == version


@pytest.mark.parametrize(
    "version", [b"0", b"000", b"1000", b"12345678", b"-5", b"+7", b" 142", b"x", b"\xd9\xa1", b"\n142", b""]
)
def test_an_impossible_version_of_x264_is_not_believed(version: bytes, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2)
    assert probe_video(claiming(clip, version)).x264_build is None


def test_only_of_h264_the_version_of_x264_matters(tmp_path: Path) -> None:
    assert probe_video(make_clip(tmp_path / "c.mp4", seconds=0.2, codec="libx265")).x264_build is None
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.2)
    ffmpeg("-i", plain, "-c", "copy", "-bsf:v", "filter_units=remove_types=6", tmp_path / "silent.mp4")
    assert probe_video(tmp_path / "silent.mp4") == replace(probe_video(plain), x264_build=None)


def test_what_an_older_version_remembered_of_a_clip_can_be_read(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "c.mp4", seconds=0.2))
    older = info.to_dict()
    del older["x264_build"]
    assert VideoInfo.from_dict(older) == replace(info, x264_build=None)
    assert VideoInfo.from_dict(info.to_dict()) == info


def test_the_name_of_the_file_does_not_matter(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.webm", seconds=0.5, codec="libvpx").rename(tmp_path / "c.txt")
    assert probe_video(clip).container == "matroska"


def test_the_size_is_as_displayed(tmp_path: Path) -> None:
    phone = make_clip(tmp_path / "phone.mp4", seconds=0.2, size="320x180", rotate=-90)
    assert size_of(probe_video(phone)) == (180, 320)
    anamorphic = make_clip(tmp_path / "dv.mp4", seconds=0.2, size="640x480", filters="setsar=4/3")
    assert size_of(probe_video(anamorphic)) == (853, 480)


def size_of(info: VideoInfo) -> tuple[int, int]:
    return info.width_px, info.height_px


def test_sound_does_not_disturb(tmp_path: Path) -> None:
    for suffix, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        clip = make_clip(tmp_path / f"c.{suffix}", seconds=1, codec=codec, sound=True)
        assert probe_video(clip).duration_s == pytest.approx(1, abs=0.05)


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    assert "only sound" in refusal(make_sound(tmp_path / "s.mp4"))


def test_a_song_with_a_cover_is_refused(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1", tmp_path / "cover.png")
    song = make_sound(tmp_path / "s.m4a")
    clip = tmp_path / "song.mp4"
    ffmpeg(
        *("-i", song, "-i", tmp_path / "cover.png", "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", clip),
    )
    assert "only sound" in refusal(clip)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").touch()
    assert refusal(tmp_path / "c.mp4") == "This file is empty."


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"hello, I am a text file",
            b"x",
            b"%PDF-1.7\n",
            b"PK\x03\x04" + bytes(40),
            b"\x89PNG\r\n\x1a\n" + bytes(40),
        ),
        *(b"RIFF\x00\x00\x00\x00AVI LIST", b"\x00\x00\x01\xba" + bytes(40), bytes(1000)),
    ],
)
def test_other_kinds_of_file_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(content)
    assert "MP4, MOV, WebM or GIF" in refusal(tmp_path / "c.mp4")


@pytest.mark.parametrize(
    "start", [b"GIF89a", b"\x1a\x45\xdf\xa3", b"\x00\x00\x00\x20ftypisom", b"\x00\x00\x00\x08moov"]
)
@pytest.mark.parametrize("rest", [b"", b"\xff" * 5000, bytes(5000)])
def test_a_good_beginning_alone_is_refused(start: bytes, rest: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(start + rest)
    assert refusal(tmp_path / "c.mp4")


def test_a_file_cut_before_its_index_is_refused(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", seconds=3)  # its index comes last
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-20_000])
    assert refusal(cut)


def test_8k_is_refused_with_its_size(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.04, rate=24, size="7680x4320", picture="color=red")
    assert "7680 × 4320" in refusal(clip)


@pytest.mark.parametrize("size", ["3840x2160", "2160x3840", "4096x2304"])
def test_4k_is_taken(size: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.04, rate=24, size=size, picture="color=red")
    assert "x".join(map(str, size_of(probe_video(clip)))) == size


def test_a_codec_that_we_do_not_run_is_refused_by_name(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mkv", seconds=0.2, codec="huffyuv", pix_fmt="yuv422p")
    assert "(huffyuv)" in refusal(clip)


def test_ffmpegs_words_stay_out_of_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(2000))
    with pytest.raises(NotAVideo) as caught:
        probe_video(tmp_path / "c.mp4")
    assert caught.value.detail
    assert caught.value.detail.isprintable()
    assert "fd:" not in caught.value.user_message


def test_a_probe_can_be_stopped(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.5)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        probe_video(clip, on_tick=stop)


def test_a_probe_that_is_killed_says_nothing_of_the_file(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "run", lambda *_, **__: Outcome(-signal.SIGKILL, ""))
    with pytest.raises(ConverterKilled):
        probe_video(clip)

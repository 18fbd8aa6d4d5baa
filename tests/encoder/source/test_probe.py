"""Probing depends on a file's content only, and rejects other files with a message that explains why."""

import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from chromi.encoder.encoder_errors import Cancelled, ConverterKilled
from chromi.encoder.process.subprocess_runner import ProcessResult
from chromi.encoder.source import probe
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.video_info import VideoInfo
from chromi.errors import NotAVideo
from tests.support.clips import ffmpeg, make_audio, make_clip

pytestmark = pytest.mark.slow


def rejection(path: Path) -> str:
    """Return the message for the user."""
    with pytest.raises(NotAVideo) as caught:
        probe_video(path)
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
def test_probe_reports_container_codec_size_and_duration(
    suffix: str, codec: str, container: str, name: str, tmp_path: Path
) -> None:
    pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
    clip = make_clip(
        tmp_path / f"c.{suffix}", seconds=2, codec=codec, size="320x180", rate=25, pix_fmt=pix_fmt
    )
    info = probe_video(clip)
    assert (info.container, info.codec) == (container, name)
    assert (info.width_px, info.height_px) == (320, 180)
    assert info.duration_s == pytest.approx(2, abs=0.05)
    assert not info.is_hdr


def replace_x264_build(clip: Path, build: bytes) -> Path:
    """Return a copy of a clip with another build number in the message of x264."""
    message = b"x264 - core 123 r3456"
    (start,) = (match.start() for match in re.finditer(rb"x264 - core \d", clip.read_bytes()))
    content = bytearray(clip.read_bytes())
    content[start : start + len(message)] = (b"x264 - core " + build).ljust(len(message))
    copy = clip.with_stem(f"build-{build.hex()}")
    copy.write_bytes(content)
    return copy


def test_x264_build_is_read(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2)
    assert (probe_video(clip).x264_build or 0) > 151
    for suffix in ("mkv", "mov"):
        ffmpeg("-i", clip, "-c", "copy", clip.with_suffix(f".{suffix}"))
        assert probe_video(clip.with_suffix(f".{suffix}")).x264_build == probe_video(clip).x264_build
    for build in (1, 67, 142, 999):
        assert probe_video(replace_x264_build(clip, b"%d" % build)).x264_build == build


@pytest.mark.parametrize(
    "build", [b"0", b"000", b"1000", b"12345678", b"-5", b"+7", b" 142", b"x", b"\xd9\xa1", b"\n142", b""]
)
def test_invalid_x264_build_is_ignored(build: bytes, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2)
    assert probe_video(replace_x264_build(clip, build)).x264_build is None


def test_x264_build_is_missing_for_other_encoders(tmp_path: Path) -> None:
    assert probe_video(make_clip(tmp_path / "c.mp4", seconds=0.2, codec="libx265")).x264_build is None
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.2)
    ffmpeg("-i", plain, "-c", "copy", "-bsf:v", "filter_units=remove_types=6", tmp_path / "silent.mp4")
    assert probe_video(tmp_path / "silent.mp4") == replace(probe_video(plain), x264_build=None)


def test_from_dict_uses_defaults_for_missing_fields(tmp_path: Path) -> None:
    info = probe_video(make_clip(tmp_path / "c.mp4", seconds=0.2))
    values = info.to_dict()
    del values["x264_build"]
    assert VideoInfo.from_dict(values) == replace(info, x264_build=None)
    assert VideoInfo.from_dict(info.to_dict()) == info


def test_file_name_is_ignored(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.webm", seconds=0.5, codec="libvpx").rename(tmp_path / "c.txt")
    assert probe_video(clip).container == "matroska"


def test_size_is_the_displayed_size(tmp_path: Path) -> None:
    phone = make_clip(tmp_path / "phone.mp4", seconds=0.2, size="320x180", rotate=-90)
    assert size_of(probe_video(phone)) == (180, 320)
    anamorphic = make_clip(tmp_path / "dv.mp4", seconds=0.2, size="640x480", filters="setsar=4/3")
    assert size_of(probe_video(anamorphic)) == (853, 480)


def size_of(info: VideoInfo) -> tuple[int, int]:
    return info.width_px, info.height_px


def test_audio_is_ignored(tmp_path: Path) -> None:
    for suffix, codec in (("mp4", "libx264"), ("webm", "libvpx")):
        clip = make_clip(tmp_path / f"c.{suffix}", seconds=1, codec=codec, audio=True)
        assert probe_video(clip).duration_s == pytest.approx(1, abs=0.05)


def test_audio_file_is_rejected(tmp_path: Path) -> None:
    assert "only audio" in rejection(make_audio(tmp_path / "s.mp4"))


def test_audio_file_with_cover_is_rejected(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1", tmp_path / "cover.png")
    song = make_audio(tmp_path / "s.m4a")
    clip = tmp_path / "song.mp4"
    ffmpeg(
        *("-i", song, "-i", tmp_path / "cover.png", "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", clip),
    )
    assert "only audio" in rejection(clip)


def test_empty_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").touch()
    assert rejection(tmp_path / "c.mp4") == "This file is empty."


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
def test_other_file_formats_are_rejected(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(content)
    assert "MP4, MOV, WebM, MKV, or GIF" in rejection(tmp_path / "c.mp4")


@pytest.mark.parametrize(
    "start", [b"GIF89a", b"\x1a\x45\xdf\xa3", b"\x00\x00\x00\x20ftypisom", b"\x00\x00\x00\x08moov"]
)
@pytest.mark.parametrize("rest", [b"", b"\xff" * 5000, bytes(5000)])
def test_valid_signature_alone_is_rejected(start: bytes, rest: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(start + rest)
    assert rejection(tmp_path / "c.mp4")


def test_file_truncated_before_its_index_is_rejected(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", seconds=3)  # the index is at the end
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(whole.read_bytes()[:-20_000])
    assert rejection(truncated)


def test_8k_is_rejected_with_its_size(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.04, rate=24, size="7680x4320", pattern="color=red")
    assert "7680 × 4320" in rejection(clip)


@pytest.mark.parametrize("size", ["3840x2160", "2160x3840", "4096x2304"])
def test_4k_is_accepted(size: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.04, rate=24, size=size, pattern="color=red")
    assert "x".join(map(str, size_of(probe_video(clip)))) == size


def test_unsupported_codec_is_rejected_by_name(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mkv", seconds=0.2, codec="huffyuv", pix_fmt="yuv422p")
    assert "(huffyuv)" in rejection(clip)


def test_ffmpeg_log_is_not_in_the_user_message(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(2000))
    with pytest.raises(NotAVideo) as caught:
        probe_video(tmp_path / "c.mp4")
    assert caught.value.detail
    assert caught.value.detail.isprintable()
    assert "fd:" not in caught.value.user_message


def test_exception_from_on_tick_ends_the_probe(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.5)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        probe_video(clip, on_tick=stop)


def test_killed_probe_does_not_report_an_invalid_file(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "run_ffmpeg", lambda *_, **__: ProcessResult(-signal.SIGKILL, ""))
    with pytest.raises(ConverterKilled):
        probe_video(clip)

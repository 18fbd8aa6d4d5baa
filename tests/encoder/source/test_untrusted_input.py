"""Untrusted files cannot make ffmpeg open other files, misreport their properties or exceed limits."""

from pathlib import Path

import pytest

from chromi.encoder import ConversionOptions, convert, probe_video
from chromi.encoder.process import sandbox
from chromi.encoder.process.ffmpeg import ProcessLimits, run_ffmpeg, untrusted_input
from chromi.encoder.process.sandbox import Sandbox
from chromi.errors import ChromiError, NotAVideo
from tests.support.canary import Canary, FileWatcher
from tests.support.clips import ffmpeg, make_clip
from tests.support.playlists import PLAYLIST_FORMATS, make_playlists


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upload of another user."""
    return make_clip(tmp_path_factory.mktemp("other") / "secret.mp4", seconds=1)


@pytest.mark.parametrize("kind", PLAYLIST_FORMATS)
def test_playlist_is_rejected_without_opening_other_files(
    kind: str, canary: Canary, secret: Path, tmp_path: Path
) -> None:
    (tmp_path / "c.mp4").write_bytes(make_playlists(secret, canary.url)[kind])
    with pytest.raises(NotAVideo):
        probe_video(tmp_path / "c.mp4")
    assert canary.connections == 0


@pytest.mark.parametrize("kind", PLAYLIST_FORMATS)
def test_ffmpeg_arguments_alone_prevent_opening_other_files(
    kind: str, canary: Canary, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of three defenses. The first is the check of the first bytes; the sandbox is disabled."""
    monkeypatch.setattr(sandbox, "detect_sandbox", lambda: Sandbox(0, b""))
    (tmp_path / "c.mp4").write_bytes(make_playlists(secret, canary.url)[kind])
    watched = FileWatcher(secret)
    with (tmp_path / "c.mp4").open("rb") as clip:
        arguments = [*untrusted_input(clip.fileno(), threads=1), "-f", "null", "-"]
        outcome = run_ffmpeg(arguments, limits=ProcessLimits(10, 0), descriptors=(clip.fileno(),))
    assert outcome.exit_code != 0
    assert "whitelist" in outcome.log or "Invalid data" in outcome.log
    assert canary.connections == 0
    assert not watched.was_opened
    watched.close()


FORGERY = (
    "x\n  Duration: 99:00:00.00\n  Stream #0:0: Video: h264, yuva420p(pc, bt2020nc/bt2020/smpte2084), 8x8"
)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["title", "language", FORGERY])
def test_metadata_that_imitates_ffmpeg_output_is_ignored(key: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mkv", seconds=1)
    clip = tmp_path / "c.mkv"
    showinfo = "[showinfo@0123456789abcdef @ 0x5581] n:   0 pts: 0 pts_time:0 fmt:yuva420p sar:1/1 s:8x8 i:P"
    tag = f"{key}={FORGERY}\n{showinfo}"
    ffmpeg("-i", plain, "-c", "copy", "-metadata", tag, "-metadata:s:v:0", tag, clip)
    assert FORGERY.encode() in clip.read_bytes()
    assert probe_video(clip) == probe_video(plain)


@pytest.mark.slow
def test_clip_with_many_streams_is_rejected(tmp_path: Path) -> None:
    one = make_clip(tmp_path / "one.mkv", seconds=0.1, size="32x32")
    many = tmp_path / "many.mp4"
    ffmpeg("-i", one, *(["-map", "0"] * 80), "-c", "copy", many)
    with pytest.raises(ChromiError):
        probe_video(many)


@pytest.mark.slow
def test_frames_over_the_size_limit_are_dropped(tmp_path: Path) -> None:
    """The stream starts with 64x36 and changes to 7680x4320 at a later key frame."""
    small = make_clip(tmp_path / "small.h264", seconds=0.5, size="64x36", pattern="color=red")
    large = make_clip(tmp_path / "large.h264", seconds=2 / 30, size="7680x4320", pattern="color=red")
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    clip = tmp_path / "c.mkv"
    ffmpeg("-fflags", "+genpts", "-r", "30", "-i", both, "-c", "copy", clip)
    options = ConversionOptions(duration_s=1, width_px=160, height_px=90)
    result = convert(clip, tmp_path / "o.gif", options, work_dir=tmp_path / "work")
    assert result.frames == 12, "only the half second of small frames"


@pytest.mark.slow
def test_changing_frame_size_does_not_add_frames(tmp_path: Path) -> None:
    parts = []
    for number, size in enumerate(("64x36", "128x72") * 2):
        parts.append(make_clip(tmp_path / f"{number}.h264", seconds=0.5, size=size).read_bytes())
    (tmp_path / "all.h264").write_bytes(b"".join(parts))
    clip = tmp_path / "c.mkv"
    ffmpeg("-fflags", "+genpts", "-r", "30", "-i", tmp_path / "all.h264", "-c", "copy", clip)
    result = convert(
        clip,
        tmp_path / "o.gif",
        ConversionOptions(duration_s=1, width_px=160, height_px=90),
        work_dir=tmp_path / "work",
    )
    assert result.frames == 24

"""Seeking to any start gives the same frames as decoding from the beginning of the file."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chromi.encoder.source.probe import probe_video
from tests.encoder.conftest import COUNTING_FILTERS, Extract, read_lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow

START_FRAMES = (0, 23, 60, 110)
"""Around a key frame, between key frames, and near the end of a clip of 144 frames."""
MORE_START_FRAMES = (1, 24, 71)


def make_counting_clip(path: Path, codec: str, options: Sequence[str], size: str = "64x36") -> Path:
    return make_clip(
        path, seconds=6, rate=24, size=size, pattern="color=black",
        filters=COUNTING_FILTERS, codec=codec, options=options,
    )  # fmt: skip


def assert_exact(
    extract: Extract, clip: Path, starts: Sequence[int] = START_FRAMES, *, luma: int = 20
) -> None:
    """Check the frames of windows that start at the given frame numbers; `luma` is that of frame 0."""
    for start in starts:
        shown = read_lumas(extract(clip, start_s=start / 24))
        assert shown == pytest.approx(range(luma + start, luma + start + 24), abs=2), f"from frame {start}"


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("open_gop.mp4", "libx264", ("-qp", "0", "-x264-params", "open-gop=1:keyint=24:bframes=3")),
        ("open_gop.mkv", "libx265", ("-x265-params", "log-level=error:keyint=24:bframes=3:open-gop=1:crf=4")),
        ("one_key_frame.mp4", "libx264", ("-qp", "0", "-g", "1000", "-bf", "2")),
        ("c.webm", "libvpx", ("-crf", "4", "-b:v", "2M", "-g", "48")),
        ("c.mp4", "mpeg4", ("-q:v", "1", "-g", "48", "-bf", "2")),
    ],
)
def test_every_start_is_frame_exact(
    name: str, codec: str, options: Sequence[str], tmp_path: Path, extract: Extract
) -> None:
    clip = make_counting_clip(tmp_path / name, codec, options)
    # Open GOPs are the hardest to seek in: all starts are tried in one of them.
    assert_exact(extract, clip, START_FRAMES + MORE_START_FRAMES if name == "open_gop.mp4" else START_FRAMES)


def test_intra_refresh_clip_is_decoded_completely(tmp_path: Path, extract: Extract) -> None:
    refresh = ("-crf", "8", "-x264-params", "intra-refresh=1:keyint=48:bframes=0")
    assert_exact(
        extract, make_counting_clip(tmp_path / "c.mp4", "libx264", refresh, size="320x180"), (0, 60, 110)
    )


def test_headers_only_at_first_key_frame_suffice(tmp_path: Path, extract: Extract) -> None:
    whole = make_counting_clip(tmp_path / "whole.mkv", "mpeg2video", ("-q:v", "1", "-g", "12", "-bf", "2"))
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-bsf:v", "remove_extra=freq=k", clip)
    assert_exact(extract, clip)


def test_file_without_index_is_frame_exact(tmp_path: Path, extract: Extract) -> None:
    whole = make_counting_clip(tmp_path / "whole.mp4", "libx264", ("-qp", "0", "-g", "48"))
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-live", "1", clip)
    assert_exact(extract, clip)


def test_file_without_first_packets_starts_at_first_key_frame(tmp_path: Path, extract: Extract) -> None:
    whole = make_counting_clip(tmp_path / "whole.mp4", "libx264", ("-qp", "0", "-g", "72", "-bf", "2"))
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-copyts", "-bsf:v", r"noise=drop=lt(n\,10)", clip)
    assert probe_video(clip).duration_s == pytest.approx(3, abs=0.05)
    assert_exact(extract, clip, (0, 24, 48), luma=92)


def test_edit_list_with_two_edits_is_applied_at_every_start(tmp_path: Path, extract: Extract) -> None:
    """The edits select the frames 24 to 47 and 96 to 143; neither range starts at a key frame."""
    whole = make_counting_clip(tmp_path / "whole.mp4", "libx264", ("-qp", "0", "-g", "1000", "-bf", "2"))
    clip = tmp_path / "c.mp4"
    clip.write_bytes(with_edits(whole.read_bytes(), [(24, 24), (96, 48)]))
    assert probe_video(clip).duration_s == pytest.approx(3, abs=0.05)
    shown = [*range(44, 68), *range(116, 164)]
    for start in (0, 12, 20, 24, 30, 40):
        assert read_lumas(extract(clip, start_s=start / 24)) == shown[start : start + 24], (
            f"from frame {start}"
        )


def with_edits(movie: bytes, edits: Sequence[tuple[int, int]]) -> bytes:
    """Replace an MP4's edit list by edits of (first frame, number of frames) at 24 fps.

    The index follows the media data, so no chunk offset changes.
    """
    content = bytearray(movie)
    assert content.index(b"moov") > content.index(b"mdat")
    ticks_per_frame = 12288 // 24  # ffmpeg's track time scale at 24 fps
    entries = b"".join(
        (frames * 1000 // 24).to_bytes(4) + (first * ticks_per_frame).to_bytes(4) + b"\x00\x01\x00\x00"
        for first, frames in edits
    )
    edit_list = b"elst" + bytes(4) + len(edits).to_bytes(4) + entries
    box = (len(edit_list) + 4).to_bytes(4) + edit_list
    edts = (len(box) + 8).to_bytes(4) + b"edts" + box
    start = content.index(b"edts") - 4
    old_bytes = int.from_bytes(content[start : start + 4])
    content[start : start + old_bytes] = edts
    for name in (b"moov", b"trak"):
        start = content.index(name) - 4
        size = int.from_bytes(content[start : start + 4]) + len(edts) - old_bytes
        content[start : start + 4] = size.to_bytes(4)
    return bytes(content)

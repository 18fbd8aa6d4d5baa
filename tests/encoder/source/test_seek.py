"""Any start of any file gives the frame that reading it from its beginning shows at that time."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chromi.encoder.source.probe import probe_video
from tests.encoder.conftest import COUNTING_FILTERS, Extract, read_lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow

STARTS = (0, 1, 23, 24, 60, 71, 110)


def counting(path: Path, codec: str, options: Sequence[str], size: str = "64x36") -> Path:
    return make_clip(
        path, seconds=6, rate=24, size=size, pattern="color=black",
        filters=COUNTING_FILTERS, codec=codec, options=options,
    )  # fmt: skip


def assert_exact(extract: Extract, clip: Path, starts: Sequence[int] = STARTS, *, luma: int = 20) -> None:
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
def test_every_start_is_exact(
    name: str, codec: str, options: Sequence[str], tmp_path: Path, extract: Extract
) -> None:
    assert_exact(extract, counting(tmp_path / name, codec, options))


def test_a_picture_that_refreshes_bit_by_bit_is_whole(tmp_path: Path, extract: Extract) -> None:
    refresh = ("-crf", "8", "-x264-params", "intra-refresh=1:keyint=48:bframes=0")
    assert_exact(extract, counting(tmp_path / "c.mp4", "libx264", refresh, size="320x180"), (0, 60, 110))


def test_headers_at_the_first_key_frame_alone_suffice(tmp_path: Path, extract: Extract) -> None:
    whole = counting(tmp_path / "whole.mkv", "mpeg2video", ("-q:v", "1", "-g", "12", "-bf", "2"))
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-bsf:v", "remove_extra=freq=k", clip)
    assert_exact(extract, clip)


def test_a_file_without_an_index_is_read_exactly(tmp_path: Path, extract: Extract) -> None:
    whole = counting(tmp_path / "whole.mp4", "libx264", ("-qp", "0", "-g", "48"))
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-live", "1", clip)
    assert_exact(extract, clip)


def test_a_file_whose_first_packets_are_missing_starts_with_its_first_key_frame(
    tmp_path: Path, extract: Extract
) -> None:
    whole = counting(tmp_path / "whole.mp4", "libx264", ("-qp", "0", "-g", "72", "-bf", "2"))
    clip = tmp_path / "c.mkv"
    ffmpeg("-i", whole, "-c", "copy", "-copyts", "-bsf:v", r"noise=drop=lt(n\,10)", clip)
    assert probe_video(clip).duration_s == pytest.approx(3, abs=0.05)
    assert_exact(extract, clip, (0, 24, 48), luma=92)


def test_an_edit_list_of_two_parts_is_followed_from_any_start(tmp_path: Path, extract: Extract) -> None:
    """Shown are the frames 24 to 47 and 96 to 143, which is not where the key frames are."""
    whole = counting(tmp_path / "whole.mp4", "libx264", ("-qp", "0", "-g", "1000", "-bf", "2"))
    clip = tmp_path / "c.mp4"
    clip.write_bytes(with_edits(whole.read_bytes(), [(24, 24), (96, 48)]))
    assert probe_video(clip).duration_s == pytest.approx(3, abs=0.05)
    shown = [*range(44, 68), *range(116, 164)]
    for start in (0, 12, 20, 24, 30, 40):
        assert read_lumas(extract(clip, start_s=start / 24)) == shown[start : start + 24], (
            f"from frame {start}"
        )


def with_edits(movie: bytes, parts: Sequence[tuple[int, int]]) -> bytes:
    """Replace an MP4's edit list by parts of (first frame, frames) at 24 frames a second.

    The index lies behind the pictures, so that nothing else moves.
    """
    content = bytearray(movie)
    assert content.index(b"moov") > content.index(b"mdat")
    per_frame = 12288 // 24  # ffmpeg's own time base of a track at 24 frames a second
    entries = b"".join(
        (frames * 1000 // 24).to_bytes(4) + (first * per_frame).to_bytes(4) + b"\x00\x01\x00\x00"
        for first, frames in parts
    )
    edit_list = b"elst" + bytes(4) + len(parts).to_bytes(4) + entries
    box = (len(edit_list) + 4).to_bytes(4) + edit_list
    edts = (len(box) + 8).to_bytes(4) + b"edts" + box
    at = content.index(b"edts") - 4
    old = int.from_bytes(content[at : at + 4])
    content[at : at + old] = edts
    for name in (b"moov", b"trak"):
        start = content.index(name) - 4
        size = int.from_bytes(content[start : start + 4]) + len(edts) - old
        content[start : start + 4] = size.to_bytes(4)
    return bytes(content)

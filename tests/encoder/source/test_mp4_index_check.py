"""check_index rejects MP4 files whose index is too expensive for ffmpeg, and accepts all others."""

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi.encoder.source.mp4_boxes import MAX_COMPRESSED
from chromi.encoder.source.mp4_index_check import MAX_EDITS, check_index
from chromi.encoder.source.probe import probe_video
from chromi.errors import NotAVideo
from tests.support import malicious_files
from tests.support.clips import ffmpeg, make_clip

HANG_S = 20
"""Each check takes about a second. A search whose time grows with the square of the file size takes hours."""


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a valid MP4 of one second."""
    return make_clip(tmp_path_factory.mktemp("movie") / "c.mp4", seconds=1, size="64x36").read_bytes()


def edit_list(count: int) -> bytes:
    return malicious_files.full_box(b"elst", count.to_bytes(4), bytes(12 * count))


LONG_EDIT_LIST = edit_list(MAX_EDITS + 1)
EDIT_LIST_PARENTS = "edts moof mvex traf tref udta wave ilst sinf schi stbl minf dinf mdia moov"
"""Boxes in which ffmpeg reads edit lists; the standard allows only the first. Each one slowed it down."""
TOO_MANY_EDITS: dict[str, Callable[[bytes], bytes]] = {
    "100,000 edits": lambda movie: malicious_files.edited_times(movie, 1000, 0, 100_000),
    "one more than allowed": lambda movie: malicious_files.edited_times(movie, 1000, 0, MAX_EDITS + 1),
    "a few in each of many tracks": lambda movie: malicious_files.many_tracks(
        malicious_files.edited_times(movie, 1000, 0, MAX_EDITS // 10), 20
    ),
    "outside edts": lambda movie: malicious_files.box(b"moov", malicious_files.box(b"trak", LONG_EDIT_LIST)),
    "a 64-bit box size": lambda movie: malicious_files.box(
        b"moov", (1).to_bytes(4) + b"elst" + (len(LONG_EDIT_LIST) + 8).to_bytes(8) + LONG_EDIT_LIST[8:]
    ),
    "a box size that is too large": lambda movie: malicious_files.box(
        b"moov", (2**32 - 1).to_bytes(4) + LONG_EDIT_LIST[4:]
    ),
    "compressed": lambda movie: malicious_files.compress_index(
        malicious_files.edited_times(movie, 1000, 0, 100_000)
    ),
    "compressed twice": lambda movie: malicious_files.compress_index(
        malicious_files.compress_index(malicious_files.edited_times(movie, 1000, 0, 100_000))
    ),
    "in a sample description": lambda movie: malicious_files.box(
        b"moov", malicious_files.full_box(b"stsd", bytes(90), LONG_EDIT_LIST)
    ),
    "many empty edit lists": lambda movie: malicious_files.box(b"moov", edit_list(0) * (MAX_EDITS + 1)),
    "after very many boxes": lambda movie: malicious_files.box(b"free") * 100_000 + LONG_EDIT_LIST,
    "across two search windows": lambda movie: malicious_files.box(
        b"free", bytes(1_000_000 - 14), LONG_EDIT_LIST
    ),
    "a box that extends to the end of the file": lambda movie: (
        malicious_files.box(b"free") + bytes(4) + LONG_EDIT_LIST[4:]
    ),
}
ACCEPTED: dict[str, Callable[[bytes], bytes]] = {
    "a clip": lambda movie: movie,
    "hundreds of edits": lambda movie: malicious_files.edited_times(movie, 1000, 0, MAX_EDITS // 2),
    "a compressed index": malicious_files.compress_index,
    "an invalid compressed index": lambda movie: malicious_files.compress_index(movie).replace(
        b"\x78\x9c", b"\0\0"
    ),
    "an edit list in the media data": lambda movie: malicious_files.box(b"mdat", LONG_EDIT_LIST) + movie,
    "four bytes": lambda movie: b"moov",
    "a type without an edit list": lambda movie: malicious_files.box(b"moov", b"elst"),
    "types without content": lambda movie: malicious_files.box(b"moov", b"cmov" * MAX_COMPRESSED),
    "nested boxes": lambda movie: malicious_files.nested_boxes(b"moov", 100_000),
    "a large box without edit lists": lambda movie: malicious_files.box(b"free", b"elsc" * 15_000_000),
    "very many boxes": lambda movie: malicious_files.box(b"free") * 1_000_000,
    "an invalid box": lambda movie: b"\0\0\0\3moov" + movie,
    "a truncated 64-bit size": lambda movie: b"\0\0\0\1moov\0\0",
    "text that contains table types": lambda movie: (
        malicious_files.box(
            b"uuid",
            b"the essence of a truncated trunk is stscomp, ctts, senc, iinf, stsz, stts and the like " * 9,
        )
        + movie
    ),
}
OVERLONG_TABLES = {
    "stss": malicious_files.list_box("stss", 240_000),
    "stps": malicious_files.list_box("stps", 240_000),
    "stts": malicious_files.list_box("stts", 120_000),
    "stsc": malicious_files.list_box("stsc", 80_000),
    "stco": malicious_files.list_box("stco", 240_000),
    "co64": malicious_files.list_box("co64", 120_000),
    "stsz": malicious_files.list_box("stsz", 240_000, before=bytes(4)),
    "stz2": malicious_files.list_box("stz2", 240_000, before=b"\0\0\0\x08"),
    "ctts": malicious_files.list_box("ctts", 120_000),
    "sbgp": malicious_files.list_box("sbgp", 120_000, before=b"rap "),
    "sbgp 1": malicious_files.list_box("sbgp", 120_000, before=b"rap \0\0\0\0", version=1),
    "sidx": malicious_files.full_box(b"sidx", struct.pack(">IIIIHH", 1, 1, 0, 0, 0, 65535)),
    "sidx 1": malicious_files.box(b"sidx", b"\1\0\0\0", struct.pack(">IIQQHH", 1, 1, 0, 0, 0, 65535)),
    "trun": malicious_files.box(b"trun", struct.pack(">II", 0x200, 240_000)),
    "senc": malicious_files.list_box("senc", 100_000),
    "pssh": malicious_files.list_box("pssh", 60_000, before=bytes(16), version=1),
}
"""Tables that claim to extend nearly to the end of the megabyte after them."""
EXPENSIVE: dict[str, Callable[[bytes], bytes]] = {
    "2 million samples": lambda movie: malicious_files.many_samples(movie, 2_000_000),
    "15 million samples": lambda movie: malicious_files.many_samples(movie, 15_000_000),
    "twice as many samples as fit": lambda movie: malicious_files.many_samples(movie, len(movie)),
    "many samples in a compressed index": lambda movie: malicious_files.compress_index(
        malicious_files.many_samples(movie, 15_000_000)
    ),
    "a few in each of many tracks": lambda movie: malicious_files.forged_tracks(movie, 15_000, 60),
    "sample sizes of thirty times the file size": lambda movie: malicious_files.edit_boxes(
        movie, {b"stsz": lambda _: struct.pack(">4xII", len(movie), 30)}
    ),
    "runs of composition offsets": lambda movie: malicious_files.edit_boxes(
        movie,
        {
            b"stbl": lambda index: (
                index + malicious_files.list_box("ctts", 1, struct.pack(">II", 90_000_000, 1))
            )
        },
    ),
    "runs of a sample group": lambda movie: malicious_files.edit_boxes(
        movie,
        {
            b"stbl": lambda index: (
                index + malicious_files.list_box("sbgp", 1, struct.pack(">II", 90_000_000, 1), before=b"sync")
            )
        },
    ),
    "many samples per chunk": lambda movie: malicious_files.edit_boxes(
        movie, {b"stsc": lambda _: struct.pack(">4xIIII", 1, 1, 2**31 - 1, 1)}
    ),
    "a movie fragment": lambda movie: (
        malicious_files.box(b"moof", malicious_files.list_box("trun", 10_000_000)) + movie
    ),
    "item information": lambda movie: (
        malicious_files.box(b"meta", malicious_files.list_box("iinf", 90_000_000, version=1)) + movie
    ),
    "item locations": lambda movie: (
        malicious_files.box(b"iloc", b"\2\0\0\0\x44\0", struct.pack(">I", 13_000_000)) + movie
    ),
    "very many tables": lambda movie: (
        malicious_files.box(b"moov", malicious_files.list_box("stco", 0) * 400_000) + movie
    ),
}


@pytest.mark.parametrize("name", TOO_MANY_EDITS)
def test_too_many_edits_are_rejected(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(TOO_MANY_EDITS[name](movie))
    with pytest.raises(NotAVideo, match="too many edits"):
        check_index(path)


@pytest.mark.parametrize("parent", EDIT_LIST_PARENTS.split())
def test_edit_lists_are_found_in_every_box_that_ffmpeg_reads(
    parent: str, movie: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.edited_times(movie, 1000, 0, 100_000).replace(b"edts", parent.encode()))
    with pytest.raises(NotAVideo, match="too many edits"):
        check_index(path)


@pytest.mark.parametrize("name", EXPENSIVE)
def test_more_samples_than_the_file_can_contain_are_rejected(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(EXPENSIVE[name](movie))
    with pytest.raises(NotAVideo, match="index lists more frames"):
        check_index(path)


@pytest.mark.timeout(HANG_S)
@pytest.mark.parametrize("name", OVERLONG_TABLES)
def test_tables_that_extend_beyond_their_boxes_are_rejected(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.overlapping_lists(movie, OVERLONG_TABLES[name]))
    with pytest.raises(NotAVideo, match="index lists more frames"):
        check_index(path)


# Except tables whose entries are counted, too.
@pytest.mark.parametrize("name", sorted(OVERLONG_TABLES.keys() - {"stsc", "ctts", "stsz"}))
def test_single_invalid_table_is_accepted(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.overlapping_lists(movie, OVERLONG_TABLES[name], 1))
    check_index(path)


@pytest.mark.slow
@pytest.mark.timeout(HANG_S)
@pytest.mark.parametrize("name", ACCEPTED)
def test_other_files_are_accepted_quickly(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(ACCEPTED[name](movie))
    check_index(path)


@pytest.mark.slow
def test_valid_compressed_index_is_accepted(movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mov"
    path.write_bytes(malicious_files.compress_index(movie))
    assert probe_video(path).duration_s == 1


@pytest.mark.slow
@pytest.mark.parametrize("rest", [b"\0", b"\0\0\0\x08free"], ids=["zeros", "boxes"])
def test_decompression_is_bounded_in_memory(rest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(
        malicious_files.compress_index(malicious_files.box(b"moov", rest * (20_000_000 // len(rest))))
    )
    tracemalloc.start()
    with pytest.raises(NotAVideo, match="read this file as a video"):
        check_index(path)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


@pytest.mark.slow
def test_compressed_index_of_empty_blocks_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    empty_blocks = b"\x78\x01" + b"\0\0\0\xff\xff" * 4_000_000
    path.write_bytes(malicious_files.box(b"cmov", bytes(24), empty_blocks))
    with pytest.raises(NotAVideo, match="read this file as a video"):
        check_index(path)


# -- audio samples of one tick -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_audio(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A clip with 30 s of uncompressed 192 kHz audio, one byte for each of 5.8 million samples."""
    path = tmp_path_factory.mktemp("audio") / "c.mov"
    video = ("-f", "lavfi", "-i", "color=size=64x36:rate=1:duration=30")
    audio = ("-f", "lavfi", "-i", "anullsrc=sample_rate=192000:channel_layout=mono:duration=30")
    ffmpeg(*video, *audio, "-c:v", "png", "-c:a", "pcm_u8", path)
    return path.read_bytes()


def edit_audio_track(movie: bytes, changes: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
    """Edit boxes of the audio track, which is the second track."""
    start = movie.index(b"trak", movie.index(b"trak") + 4) - 4
    original = movie[start : start + int.from_bytes(movie[start : start + 4])]
    track = malicious_files.edit_boxes(original, changes)
    return malicious_files.edit_boxes(movie, {b"moov": lambda index: index.replace(original, track)})


TIME_TO_SAMPLE = malicious_files.list_box("stts", 1, struct.pack(">II", 5_760_000, 1))
VIDEO_HANDLER = malicious_files.full_box(b"hdlr", b"mhlrvide", bytes(13))
FORGED: dict[str, dict[bytes, Callable[[bytes], bytes]]] = {
    "video handler": {b"hdlr": lambda content: content.replace(b"soun", b"vide")},
    "second handler": {b"mdia": lambda content: content + VIDEO_HANDLER},
    "handler in another box": {
        b"trak": lambda content: content + malicious_files.box(b"udta", VIDEO_HANDLER)
    },
    "compressed box": {b"trak": lambda content: content + malicious_files.box(b"cmov", bytes(100))},
    "handler with 64-bit size": {
        b"udta": lambda content: content,
        b"trak": lambda content: content + b"\0\0\0\1hdlr" + (40).to_bytes(8) + VIDEO_HANDLER[8:32],
    },
    "unreachable handler": {b"mdia": lambda content: malicious_files.box(b"mdat") + content},
    "two ticks": {b"stts": lambda _: struct.pack(">4xIII", 1, 5_760_000, 2)},
    "two entries": {b"stts": lambda _: struct.pack(">4xIIIII", 2, 5_000_000, 1, 760_000, 2)},
    "two time-to-sample tables": {b"minf": lambda content: content + TIME_TO_SAMPLE},
}


@pytest.mark.slow
def test_millions_of_audio_samples_are_accepted(long_audio: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mov"
    for movie in (long_audio, malicious_files.compress_index(long_audio)):
        path.write_bytes(movie)
        check_index(path)
    assert probe_video(path).duration_s == 30


@pytest.mark.parametrize("name", FORGED)
def test_ambiguous_audio_tracks_are_rejected(name: str, long_audio: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mov"
    path.write_bytes(edit_audio_track(long_audio, FORGED[name]))
    with pytest.raises(NotAVideo, match="index lists more frames"):
        check_index(path)

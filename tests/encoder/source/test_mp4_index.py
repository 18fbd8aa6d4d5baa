"""What is seen of an MP4's index before ffmpeg reads it."""

import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi.encoder.source.mp4_boxes import MAX_COMPRESSED
from chromi.encoder.source.mp4_index import MAX_EDITS, check_index
from chromi.encoder.source.probe import probe_video
from chromi.errors import NotAVideo
from tests.support import malicious_files
from tests.support.clips import ffmpeg, make_clip


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("movie") / "c.mp4", seconds=1, size="64x36").read_bytes()


def edits(count: int) -> bytes:
    return malicious_files.full_box(b"elst", count.to_bytes(4), bytes(12 * count))


MOST_COLORS = edits(MAX_EDITS + 1)
PLACES = "edts moof mvex traf tref udta wave ilst sinf schi stbl minf dinf mdia moov"
"""Where ffmpeg reads a list of edits, though in the first alone it belongs: each was seen to hold it up."""
REFUSED: dict[str, Callable[[bytes], bytes]] = {
    "100,000 edits": lambda movie: malicious_files.edited_times(movie, 1000, 0, 100_000),
    "no more than needed": lambda movie: malicious_files.edited_times(movie, 1000, 0, MAX_EDITS + 1),
    "a few in each of many tracks": lambda movie: malicious_files.many_tracks(
        malicious_files.edited_times(movie, 1000, 0, MAX_EDITS // 10), 20
    ),
    "outside their folder": lambda movie: malicious_files.box(
        b"moov", malicious_files.box(b"trak", MOST_COLORS)
    ),
    "a size of 64 bits": lambda movie: malicious_files.box(
        b"moov", (1).to_bytes(4) + b"elst" + (len(MOST_COLORS) + 8).to_bytes(8) + MOST_COLORS[8:]
    ),
    "a size that is too large": lambda movie: malicious_files.box(
        b"moov", (2**32 - 1).to_bytes(4) + MOST_COLORS[4:]
    ),
    "packed": lambda movie: malicious_files.packed(malicious_files.edited_times(movie, 1000, 0, 100_000)),
    "packed twice": lambda movie: malicious_files.packed(
        malicious_files.packed(malicious_files.edited_times(movie, 1000, 0, 100_000))
    ),
    "in a sample's description": lambda movie: malicious_files.box(
        b"moov", malicious_files.full_box(b"stsd", bytes(90), MOST_COLORS)
    ),
    "many that are empty": lambda movie: malicious_files.box(b"moov", edits(0) * (MAX_EDITS + 1)),
    "behind very many boxes": lambda movie: malicious_files.box(b"free") * 100_000 + MOST_COLORS,
    "across two windows": lambda movie: malicious_files.box(b"free", bytes(1_000_000 - 14), MOST_COLORS),
    "one that goes to the end": lambda movie: malicious_files.box(b"free") + bytes(4) + MOST_COLORS[4:],
}
TAKEN: dict[str, Callable[[bytes], bytes]] = {
    "a clip": lambda movie: movie,
    "hundreds of cuts": lambda movie: malicious_files.edited_times(movie, 1000, 0, MAX_EDITS // 2),
    "a packed index": malicious_files.packed,
    "a packed index that is broken": lambda movie: malicious_files.packed(movie).replace(
        b"\x78\x9c", b"\0\0"
    ),
    "the word in its pictures": lambda movie: malicious_files.box(b"mdat", MOST_COLORS) + movie,
    "next to nothing": lambda movie: b"moov",
    "a name without a list": lambda movie: malicious_files.box(b"moov", b"elst"),
    "names without content": lambda movie: malicious_files.box(b"moov", b"cmov" * MAX_COMPRESSED),
    "boxes within boxes": lambda movie: malicious_files.nested_boxes(b"moov", 100_000),
    "a large one without pictures": lambda movie: malicious_files.box(b"free", b"elsc" * 15_000_000),
    "very many boxes": lambda movie: malicious_files.box(b"free") * 1_000_000,
    "a box that is no box": lambda movie: b"\0\0\0\3moov" + movie,
    "half a size": lambda movie: b"\0\0\0\1moov\0\0",
    "text with the names of lists": lambda movie: (
        malicious_files.box(
            b"uuid",
            b"the essence of a truncated trunk is stscomp, ctts, senc, iinf, stsz, stts and the like " * 9,
        )
        + movie
    ),
}
ENTRIES = {
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
"""Lists that claim to reach nearly to the end of a megabyte after them."""
PROMISED: dict[str, Callable[[bytes], bytes]] = {
    "2 million samples": lambda movie: malicious_files.many_samples(movie, 2_000_000),
    "15 million samples": lambda movie: malicious_files.many_samples(movie, 15_000_000),
    "twice what its bytes can hold": lambda movie: malicious_files.many_samples(movie, len(movie)),
    "many packed samples": lambda movie: malicious_files.packed(
        malicious_files.many_samples(movie, 15_000_000)
    ),
    "a few in each of many tracks": lambda movie: malicious_files.forged_tracks(movie, 15_000, 60),
    "thirty times the whole file": lambda movie: malicious_files.edit_boxes(
        movie, {b"stsz": lambda _: struct.pack(">4xII", len(movie), 30)}
    ),
    "runs of times": lambda movie: malicious_files.edit_boxes(
        movie,
        {
            b"stbl": lambda index: (
                index + malicious_files.list_box("ctts", 1, struct.pack(">II", 90_000_000, 1))
            )
        },
    ),
    "runs of a group": lambda movie: malicious_files.edit_boxes(
        movie,
        {
            b"stbl": lambda index: (
                index + malicious_files.list_box("sbgp", 1, struct.pack(">II", 90_000_000, 1), before=b"sync")
            )
        },
    ),
    "samples by the chunk": lambda movie: malicious_files.edit_boxes(
        movie, {b"stsc": lambda _: struct.pack(">4xIIII", 1, 1, 2**31 - 1, 1)}
    ),
    "a fragment": lambda movie: (
        malicious_files.box(b"moof", malicious_files.list_box("trun", 10_000_000)) + movie
    ),
    "items": lambda movie: (
        malicious_files.box(b"meta", malicious_files.list_box("iinf", 90_000_000, version=1)) + movie
    ),
    "places of items": lambda movie: (
        malicious_files.box(b"iloc", b"\2\0\0\0\x44\0", struct.pack(">I", 13_000_000)) + movie
    ),
    "more lists than we can look at": lambda movie: (
        malicious_files.box(b"moov", malicious_files.list_box("stco", 0) * 400_000) + movie
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_more_edits_than_a_clip_has_are_refused(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(REFUSED[name](movie))
    with pytest.raises(NotAVideo, match="cuts"):
        check_index(path)


@pytest.mark.parametrize("place", PLACES.split())
def test_edits_are_found_wherever_ffmpeg_finds_them(place: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.edited_times(movie, 1000, 0, 100_000).replace(b"edts", place.encode()))
    with pytest.raises(NotAVideo, match="cuts"):
        check_index(path)


@pytest.mark.parametrize("name", PROMISED)
def test_more_samples_than_the_bytes_can_hold_are_refused(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(PROMISED[name](movie))
    with pytest.raises(NotAVideo, match="index lists more frames"):
        check_index(path)


@pytest.mark.parametrize("name", ENTRIES)
def test_lists_that_reach_beyond_their_box_are_refused(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.reaching_lists(movie, ENTRIES[name]))
    began_at = time.process_time()
    with pytest.raises(NotAVideo, match="index lists more frames"):
        check_index(path)
    assert time.process_time() - began_at < 0.5


# Not of those whose entries count, too.
@pytest.mark.parametrize("name", sorted(ENTRIES.keys() - {"stsc", "ctts", "stsz"}))
def test_a_single_list_that_is_wrong_is_left_to_ffmpeg(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.reaching_lists(movie, ENTRIES[name], 1))
    check_index(path)


@pytest.mark.parametrize("name", TAKEN)
def test_all_else_is_left_to_ffmpeg(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(TAKEN[name](movie))
    began_at = time.process_time()
    check_index(path)
    assert time.process_time() - began_at < 1


def test_a_packed_index_of_an_ordinary_clip_is_read(movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mov"
    path.write_bytes(malicious_files.packed(movie))
    assert probe_video(path).duration_s == 1


@pytest.mark.parametrize("rest", [b"\0", b"\0\0\0\x08free"], ids=["zeros", "boxes"])
def test_a_packed_index_is_not_unpacked_without_end(rest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(malicious_files.packed(malicious_files.box(b"moov", rest * (20_000_000 // len(rest)))))
    tracemalloc.start()
    with pytest.raises(NotAVideo, match="not a video"):
        check_index(path)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_a_packed_index_of_empty_blocks_is_not_read_without_end(tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    empty_blocks = b"\x78\x01" + b"\0\0\0\xff\xff" * 4_000_000
    path.write_bytes(malicious_files.box(b"cmov", bytes(24), empty_blocks))
    with pytest.raises(NotAVideo, match="not a video"):
        check_index(path)


# -- sound that is counted in samples ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Half a minute of 192 kHz, uncompressed, with a byte for each of 5.8 million samples."""
    path = tmp_path_factory.mktemp("sound") / "c.mov"
    picture = ("-f", "lavfi", "-i", "color=size=64x36:rate=1:duration=30")
    sound = ("-f", "lavfi", "-i", "anullsrc=sample_rate=192000:channel_layout=mono:duration=30")
    ffmpeg(*picture, *sound, "-c:v", "png", "-c:a", "pcm_u8", path)
    return path.read_bytes()


def in_sound(movie: bytes, changes: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
    """Change boxes of the sound's track alone, which is the second."""
    at = movie.index(b"trak", movie.index(b"trak") + 4) - 4
    size = int.from_bytes(movie[at : at + 4])
    track = malicious_files.edit_boxes(movie[at : at + size], changes)
    return malicious_files.edit_boxes(
        movie, {b"moov": lambda index: index.replace(movie[at : at + size], track)}
    )


ONE_TICK = malicious_files.list_box("stts", 1, struct.pack(">II", 5_760_000, 1))
PICTURES = malicious_files.full_box(b"hdlr", b"mhlrvide", bytes(13))
FORGED: dict[str, dict[bytes, Callable[[bytes], bytes]]] = {
    "pictures": {b"hdlr": lambda content: content.replace(b"soun", b"vide")},
    "pictures after all": {b"mdia": lambda content: content + PICTURES},
    "pictures elsewhere": {b"trak": lambda content: content + malicious_files.box(b"udta", PICTURES)},
    "packed pictures": {b"trak": lambda content: content + malicious_files.box(b"cmov", bytes(100))},
    "a long size": {
        b"udta": lambda content: content,
        b"trak": lambda content: content + b"\0\0\0\1hdlr" + (40).to_bytes(8) + PICTURES[8:32],
    },
    "a handler that is not reached": {b"mdia": lambda content: malicious_files.box(b"mdat") + content},
    "two ticks": {b"stts": lambda _: struct.pack(">4xIII", 1, 5_760_000, 2)},
    "two entries": {b"stts": lambda _: struct.pack(">4xIIIII", 2, 5_000_000, 1, 760_000, 2)},
    "two lists of times": {b"minf": lambda content: content + ONE_TICK},
}


def test_millions_of_audio_samples_are_taken(long_sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mov"
    for movie in (long_sound, malicious_files.packed(long_sound)):
        path.write_bytes(movie)
        check_index(path)
    assert probe_video(path).duration_s == 30


@pytest.mark.parametrize("name", FORGED)
def test_what_ffmpeg_may_not_take_for_audio_samples_is_refused(
    name: str, long_sound: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "c.mov"
    path.write_bytes(in_sound(long_sound, FORGED[name]))
    with pytest.raises(NotAVideo, match="index lists more frames"):
        check_index(path)

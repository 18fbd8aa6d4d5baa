"""What is seen of an MP4 before ffmpeg reads it."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi.encoder.boxes import MAX_PACKED
from chromi.encoder.mp4_index import MAX_EDITS, check_index
from chromi.encoder.probe import probe_video
from chromi.errors import NotAVideo
from tests import monsters
from tests.clips import make_clip


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("movie") / "c.mp4", seconds=1, size="64x36").read_bytes()


def edits(count: int) -> bytes:
    return monsters.full_box(b"elst", count.to_bytes(4), bytes(12 * count))


MANY = edits(MAX_EDITS + 1)
PLACES = "edts moof mvex traf tref udta wave ilst sinf schi stbl minf dinf mdia moov"
"""Where ffmpeg reads a list of edits, though in the first alone it belongs: each was seen to hold it up."""
REFUSED: dict[str, Callable[[bytes], bytes]] = {
    "100,000 edits": lambda movie: monsters.edited_times(movie, 1000, 0, 100_000),
    "no more than needed": lambda movie: monsters.edited_times(movie, 1000, 0, MAX_EDITS + 1),
    "a few in each of many tracks": lambda movie: monsters.many_tracks(
        monsters.edited_times(movie, 1000, 0, MAX_EDITS // 10), 20
    ),
    "outside their folder": lambda movie: monsters.box(b"moov", monsters.box(b"trak", MANY)),
    "a size of 64 bits": lambda movie: monsters.box(
        b"moov", (1).to_bytes(4) + b"elst" + (len(MANY) + 8).to_bytes(8) + MANY[8:]
    ),
    "a size that is too large": lambda movie: monsters.box(b"moov", (2**32 - 1).to_bytes(4) + MANY[4:]),
    "packed": lambda movie: monsters.packed(monsters.edited_times(movie, 1000, 0, 100_000)),
    "packed twice": lambda movie: monsters.packed(
        monsters.packed(monsters.edited_times(movie, 1000, 0, 100_000))
    ),
    "in a sample's description": lambda movie: monsters.box(
        b"moov", monsters.full_box(b"stsd", bytes(90), MANY)
    ),
    "many that are empty": lambda movie: monsters.box(b"moov", edits(0) * (MAX_EDITS + 1)),
    "behind very many boxes": lambda movie: monsters.box(b"free") * 100_000 + MANY,
    "across two windows": lambda movie: monsters.box(b"free", bytes(1_000_000 - 14), MANY),
    "one that goes to the end": lambda movie: monsters.box(b"free") + bytes(4) + MANY[4:],
}
TAKEN: dict[str, Callable[[bytes], bytes]] = {
    "a clip": lambda movie: movie,
    "hundreds of cuts": lambda movie: monsters.edited_times(movie, 1000, 0, MAX_EDITS // 2),
    "a packed index": monsters.packed,
    "a packed index that is broken": lambda movie: monsters.packed(movie).replace(b"\x78\x9c", b"\0\0"),
    "the word in its pictures": lambda movie: monsters.box(b"mdat", MANY) + movie,
    "next to nothing": lambda movie: b"moov",
    "a name without a list": lambda movie: monsters.box(b"moov", b"elst"),
    "names without content": lambda movie: monsters.box(b"moov", b"cmov" * MAX_PACKED),
    "boxes within boxes": lambda movie: monsters.nested_boxes(b"moov", 100_000),
    "a large one without pictures": lambda movie: monsters.box(b"free", b"elsc" * 15_000_000),
    "very many boxes": lambda movie: monsters.box(b"free") * 1_000_000,
    "a box that is no box": lambda movie: b"\0\0\0\3moov" + movie,
    "half a size": lambda movie: b"\0\0\0\1moov\0\0",
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
    path.write_bytes(monsters.edited_times(movie, 1000, 0, 100_000).replace(b"edts", place.encode()))
    with pytest.raises(NotAVideo, match="cuts"):
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
    path.write_bytes(monsters.packed(movie))
    assert probe_video(path).duration_s == 1


@pytest.mark.parametrize("rest", [b"\0", b"\0\0\0\x08free"], ids=["zeros", "boxes"])
def test_a_packed_index_is_not_unpacked_without_end(rest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(monsters.packed(monsters.box(b"moov", rest * (20_000_000 // len(rest)))))
    tracemalloc.start()
    with pytest.raises(NotAVideo, match="not a video"):
        check_index(path)
    assert tracemalloc.get_traced_memory()[1] < 40e6
    tracemalloc.stop()


def test_a_packed_index_of_empty_blocks_is_not_read_without_end(tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    empty_blocks = b"\x78\x01" + b"\0\0\0\xff\xff" * 4_000_000
    path.write_bytes(monsters.box(b"cmov", bytes(24), empty_blocks))
    with pytest.raises(NotAVideo, match="not a video"):
        check_index(path)

"""What is seen of an MP4 before ffmpeg reads it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi.encoder.boxes import MAX_EDITS, check_edits
from chromi.errors import NotAVideo
from tests import monsters
from tests.clips import make_clip


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_clip(tmp_path_factory.mktemp("movie") / "c.mp4", seconds=1, size="64x36").read_bytes()


def edits(count: int) -> bytes:
    return monsters.full_box(b"elst", count.to_bytes(4), bytes(12 * count))


MANY = edits(MAX_EDITS + 1)
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
    "one that goes to the end": lambda movie: monsters.box(b"free") + bytes(4) + MANY[4:],
}
TAKEN: dict[str, Callable[[bytes], bytes]] = {
    "a clip": lambda movie: movie,
    "hundreds of cuts": lambda movie: monsters.edited_times(movie, 1000, 0, MAX_EDITS // 2),
    "the word in its pictures": lambda movie: monsters.box(b"mdat", MANY) + movie,
    "nothing": lambda movie: b"",
    "boxes within boxes": lambda movie: monsters.nested_boxes(b"moov", 100_000),
    "very many boxes": lambda movie: monsters.box(b"free") * 1_000_000,
    "a box that is no box": lambda movie: b"\0\0\0\3moov" + movie,
    "half a size": lambda movie: b"\0\0\0\1moov\0\0",
}


@pytest.mark.parametrize("name", REFUSED)
def test_more_edits_than_a_clip_has_are_refused(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(REFUSED[name](movie))
    with pytest.raises(NotAVideo, match="cuts"):
        check_edits(path)


@pytest.mark.parametrize("name", TAKEN)
def test_all_else_is_left_to_ffmpeg(name: str, movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.mp4"
    path.write_bytes(TAKEN[name](movie))
    began_at = time.process_time()
    check_edits(path)
    assert time.process_time() - began_at < 1

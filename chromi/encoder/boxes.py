"""A look at an MP4's own index, before ffmpeg reads it."""

import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from chromi.errors import NotAVideo
from chromi.sentences import Sentence

MAX_EDITS = 1000
"""In all tracks together; a phone's slow motion has four, and ffmpeg takes 0.2 s for a thousand."""
MAX_BOXES = 20_000
"""So many are told apart; what comes after them is searched as one."""
MAX_PACKED = 10
MAX_PACKED_BYTES = 16_000_000
"""Of all that is packed together, before and after; the index of hours of film has less."""

_Bytes = mmap.mmap | bytes
_LIST, _PACKED_INDEX = re.compile(b"elst"), re.compile(b"cmov")
_NAME_BYTES = 4
_EDIT_BYTES = 12  # of the shorter kind
_PACKED_AT = 28
"""So much after its name `cmov` the packed part begins; ffmpeg asks little of what is between."""
_WINDOW_BYTES = 1_000_000
"""Searched in one go, which takes a millisecond and stops all other threads."""


def check_edits(path: Path) -> None:
    """Raise NotAVideo for more edits than a clip has: ffmpeg looks up each from the clip's start.

    A list of 1.2 MB takes it 20 s, and it reads one in places that no standard has. So lists are sought by
    their name, everywhere but among the pictures. What makes no sense is left to ffmpeg, which says so best.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as movie:
        if any(edits > MAX_EDITS for edits in accumulate(_edit_lists(movie))):
            raise NotAVideo(
                Sentence("This video lists more cuts than we can follow. Save it anew as MP4 and try again.")
            )


def _edit_lists(movie: mmap.mmap) -> Iterator[int]:
    """Give how many edits each list has, and at least one. Raises NotAVideo for too much that is packed."""
    parts: list[tuple[_Bytes, int, int]] = [(movie, start, end) for start, end in _boxes(movie)]
    unpacked: list[bytes] = []
    for index, start, end in parts:  # and those that come to it meanwhile
        for name_at in _find(_LIST, index, start + 4, end):
            yield _count(index, name_at, end)
        for name_at in _find(_PACKED_INDEX, index, start + 4, end):
            if len(unpacked) == MAX_PACKED:
                raise NotAVideo(detail=f"more than {MAX_PACKED} packed indexes")
            room = MAX_PACKED_BYTES - sum(map(len, unpacked))
            unpacked.append(_unpack(index, name_at + _PACKED_AT, end, room))
            parts.append((unpacked[-1], 0, len(unpacked[-1])))


def _boxes(movie: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where each of the file's own boxes begins and ends, in bytes, but for those that hold the pictures."""
    start, file_end = 0, len(movie)
    for _ in range(MAX_BOXES):
        if file_end - start < 8:
            return
        size, kind = struct.unpack_from(">I4s", movie, start)
        header_bytes = 8
        if size == 1 and file_end - start >= 16:
            (size,) = struct.unpack_from(">Q", movie, start + 8)
            header_bytes = 16
        end = file_end if size == 0 else min(file_end, start + size)
        if end - start < header_bytes:
            return  # ffmpeg reads no further, either
        if kind != b"mdat":
            yield start, end
        start = end
    yield start, file_end


def _find(name: re.Pattern[bytes], index: _Bytes, start: int, end: int) -> Iterator[int]:
    """Where the name stands. An expression finds it several times as fast as mmap.find()."""
    overlap_bytes = _NAME_BYTES - 1
    for window in range(start, end, _WINDOW_BYTES):
        window_end = min(window + _WINDOW_BYTES + overlap_bytes, end)
        yield from (found.start() for found in name.finditer(index, window, window_end))


def _count(index: _Bytes, name_at: int, end: int) -> int:
    """What the list says that it holds, or what has room in it if that is less."""
    size = _number(index, name_at - 4)
    content = name_at + _NAME_BYTES
    if size == 1:
        content += 8  # its size stands there
    elif size:
        end = min(end, name_at - 4 + size)
    if end - content < 8:
        return 1
    return max(1, min(_number(index, content + 4), (end - content - 8) // _EDIT_BYTES))


def _number(index: _Bytes, at: int) -> int:
    return int.from_bytes(index[at : at + 4])


def _unpack(index: _Bytes, start: int, end: int, room: int) -> bytes:
    """What zlib packed here, b"" where it did not; raises NotAVideo for more than `room` bytes of either."""
    packed = index[start : min(end, start + room + 1)]
    zlib_stream = zlib.decompressobj()
    try:
        whole = zlib_stream.decompress(packed, room + 1)
    except zlib.error:
        return b""
    if max(len(packed) - len(zlib_stream.unused_data), len(whole)) > room:
        raise NotAVideo(detail="a packed index that is too large")
    return whole

"""A look at an MP4's own list of boxes, before ffmpeg reads it."""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from chromi.errors import NotAVideo
from chromi.sentences import Sentence

MAX_EDITS = 1000
"""In all tracks together; a phone's slow motion has four, and ffmpeg takes 0.2 s for a thousand."""
MAX_BOXES = 20_000
"""So many are looked at; what comes after them is ffmpeg's to read, within its time."""

_FOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta")
_EDIT_BYTES = 12  # of the shorter kind
_PACKED_AT = 24
"""Where the packed part of a QuickTime `cmov` begins: ffmpeg asks nothing of the two boxes before it."""
_MAX_INDEX_BYTES = 16_000_000
"""Of all that is packed together, before and after; hours of film have less."""


def check_edits(path: Path) -> None:
    """Raise NotAVideo for more edits than a clip has: ffmpeg looks up each from the clip's start.

    A list of 1.2 MB takes it 20 s. Boxes that make no sense are left to ffmpeg, which says so best.
    """
    with path.open("rb") as file:
        edits = sum(size // _EDIT_BYTES for kind, size in _boxes(file) if kind == b"elst")
    if edits > MAX_EDITS:
        raise NotAVideo(
            Sentence("This video lists more cuts than we can follow. Save it anew as MP4 and try again."),
            detail=f"{edits} edits",
        )


def _boxes(movie: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Give kind and content's size in bytes of each box, wherever it is."""
    ahead = [(movie, 0, movie.seek(0, os.SEEK_END))]
    room = _MAX_INDEX_BYTES
    for _ in range(MAX_BOXES):
        while ahead and ahead[-1][2] - ahead[-1][1] < 8:
            ahead.pop()
        if not ahead:
            return
        file, start, end = ahead.pop()
        kind, content, box_end = _header(file, start, end)
        if box_end < content:
            continue
        yield kind, box_end - content
        ahead.append((file, box_end, end))
        if kind in _FOLDERS:
            ahead.append((file, content, box_end))
        elif kind == b"cmov":
            index = _unpack(file, content + _PACKED_AT, box_end, room)
            room -= len(index)  # together, as what was packed may hold another that is packed
            ahead.append((io.BytesIO(index), 0, len(index)))


def _header(file: BinaryIO, start: int, end: int) -> tuple[bytes, int, int]:
    """The box's kind, and where its content begins and ends."""
    file.seek(start)
    header = file.read(16)
    size, kind = struct.unpack_from(">I4s", header)
    content = start + 8
    if size == 1 and len(header) == 16:
        (size,) = struct.unpack_from(">Q", header, 8)
        content += 8
    return kind, content, end if size == 0 else min(end, start + size)


def _unpack(file: BinaryIO, start: int, end: int, room: int) -> bytes:
    """What zlib packed here, b"" where it did not; raises NotAVideo for more than `room` bytes of either."""
    file.seek(start)
    packed = file.read(max(0, min(end - start, room + 1)))
    try:
        index = zlib.decompressobj().decompress(packed, room + 1)
    except zlib.error:
        return b""
    if max(len(packed), len(index)) > room:
        raise NotAVideo(detail="a packed index that is too large")
    return index

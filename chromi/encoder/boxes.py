"""A look at an MP4's own list of boxes, before ffmpeg reads it."""

import os
import struct
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


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Give kind and content's size in bytes of each box, wherever it is."""
    ahead = [(0, os.fstat(file.fileno()).st_size)]
    for _ in range(MAX_BOXES):
        while ahead and ahead[-1][1] - ahead[-1][0] < 8:
            ahead.pop()
        if not ahead:
            return
        start, end = ahead.pop()
        file.seek(start)
        header = file.read(16)
        size, kind = struct.unpack_from(">I4s", header)
        content = start + 8
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
            content += 8
        box_end = end if size == 0 else min(end, start + size)
        if box_end < content:
            continue
        yield kind, box_end - content
        ahead.append((box_end, end))
        if kind in _FOLDERS:
            ahead.append((content, box_end))

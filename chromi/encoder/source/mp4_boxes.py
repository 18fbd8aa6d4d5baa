"""Find the boxes of an ISO base media file (MP4, MOV), including compressed movie boxes.

This code never trusts the sizes that a file declares. Box types follow ISO/IEC 14496-12 and QuickTime.
"""

import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from chromi.errors import NotAVideo

MAX_BOXES = 20_000
"""Maximum number of boxes to parse at each level. The rest of the file is searched as a single region."""
MAX_COMPRESSED = 10
MAX_COMPRESSED_BYTES = 16_000_000
"""Limit for all compressed movie boxes together, before and after decompression. Hours of video need less."""
TYPE_BYTES = 4

_COMPRESSED_MOVIE = re.compile(b"cmov")
_COMPRESSED_DATA_OFFSET = 28
"""Offset from the `cmov` type to the compressed data. ffmpeg hardly checks the bytes in between."""
_WINDOW_BYTES = 250_000
"""Number of bytes searched at once in up to 2 ms, during which no other thread can run."""


@dataclass(frozen=True)
class Box:
    """A box in `content`. Its header starts at `start`, its body starts at `body`, and the box ends at `end`.

    A region that is searched like a box has the type b"".
    """

    content: mmap.mmap | bytes
    type: bytes
    start: int
    body: int
    end: int

    @property
    def size_bytes(self) -> int:
        """The size of the body."""
        return self.end - self.body

    def find(self, pattern: re.Pattern[bytes]) -> Iterator[int]:
        """Yield the offsets of all matches. A compiled pattern is several times as fast as mmap.find()."""
        overlap_bytes = TYPE_BYTES - 1
        start = self.start + TYPE_BYTES  # position of this box's type
        for window in range(start, self.end, _WINDOW_BYTES):
            window_end = min(window + _WINDOW_BYTES + overlap_bytes, self.end)
            yield from (match.start() for match in pattern.finditer(self.content, window, window_end))

    def read_uint(self, offset: int, size_bytes: int = 4) -> int:
        """Return the unsigned integer at `offset`, or 0 beyond the end of the file."""
        return int.from_bytes(self.content[offset : offset + size_bytes])

    def children(self) -> Iterator["Box"]:
        """Yield the child boxes as ffmpeg reads them, up to the first invalid one."""
        yield from _parse_boxes(self.content, self.body, self.end)


def find_searchable_boxes(file: mmap.mmap) -> Iterator[Box]:
    """Yield the top-level boxes (except media data) and decompressed movie boxes.

    Raises NotAVideo if there is too much compressed data.
    """
    boxes = list(_top_level_boxes(file))
    decompressed: list[bytes] = []
    for box in boxes:  # including boxes appended below
        yield box
        for type_offset in box.find(_COMPRESSED_MOVIE):
            if len(decompressed) == MAX_COMPRESSED:
                raise NotAVideo(detail=f"more than {MAX_COMPRESSED} compressed movie boxes")
            max_bytes = MAX_COMPRESSED_BYTES - sum(map(len, decompressed))
            content = _decompress(box.content, type_offset + _COMPRESSED_DATA_OFFSET, box.end, max_bytes)
            decompressed.append(content)
            boxes.append(Box(content, b"cmov", 0, 0, len(content)))


def _top_level_boxes(content: mmap.mmap | bytes) -> Iterator[Box]:
    """Yield each box except `mdat`, and a single region for everything after the first MAX_BOXES."""
    end = 0
    for box in islice(_parse_boxes(content, 0, len(content)), MAX_BOXES):
        end = box.end
        if box.type != b"mdat":
            yield box
    # ffmpeg does not read beyond an invalid box either.
    if next(_parse_boxes(content, end, len(content)), None):
        yield Box(content, b"", end, end, len(content))


def _parse_boxes(content: mmap.mmap | bytes, start: int, end: int) -> Iterator[Box]:
    while end - start >= 8:
        size, box_type = struct.unpack_from(">I4s", content, start)
        header_bytes = 8
        if size == 1 and end - start >= 16:
            (size,) = struct.unpack_from(">Q", content, start + 8)
            header_bytes = 16
        box_end = end if size == 0 else min(end, start + size)
        if box_end - start < header_bytes:
            return
        yield Box(content, box_type, start, start + header_bytes, box_end)
        start = box_end


def _decompress(content: mmap.mmap | bytes, start: int, end: int, max_bytes: int) -> bytes:
    """Return the decompressed zlib stream, or b"" if it is invalid.

    Raises NotAVideo if the stream or the result is longer than `max_bytes`.
    """
    compressed = content[start : min(end, start + max_bytes + 1)]
    decompressor = zlib.decompressobj()
    try:
        decompressed = decompressor.decompress(compressed, max_bytes + 1)
    except zlib.error:
        return b""
    if max(len(compressed) - len(decompressor.unused_data), len(decompressed)) > max_bytes:
        raise NotAVideo(detail="a compressed movie box is too large")
    return decompressed

"""Read the tables of an MP4, mostly sample tables, and the number of entries that they claim."""

import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chromi.encoder.source.mp4_boxes import Box

TABLE_TYPES = tuple(
    re.compile(name)
    for name in (b"st(?:sz|z2|ts|sc|co|ss|ps)", b"ctts", b"co64", b"sbgp", b"sidx", b"trun", b"senc", b"pssh")
    + (b"iinf", b"iloc")
)
"""Table types that measurably cost ffmpeg a lot of memory or time (`trun` only in older versions).

A pattern that starts with literals is found several times as fast as one that starts with alternatives.
"""

_ENTRY_BYTES = {
    **dict.fromkeys((b"stts", b"ctts", b"co64", b"sbgp"), 8),
    **dict.fromkeys((b"stsc", b"sidx"), 12),
    **dict.fromkeys((b"stco", b"stss", b"stps"), 4),
    b"pssh": 16,
}
"""Minimum entry size of each table type. Entries of other tables may take no bytes at all."""
_REJECTED_COUNT = 2**28
"""ffmpeg cannot allocate this many entries and gives up immediately. Text can look like such a count."""
_SLICE_ENTRIES = 50_000
"""Number of entries read at once, in about a millisecond during which no other thread can run."""


@dataclass(frozen=True)
class Table:
    """A table as ffmpeg reads it: past the end of its box, up to the end of the file."""

    box: Box
    start: int
    count: int
    entry_bytes: int

    def column(self, number: int) -> Iterator[Sequence[int]]:
        """Yield slices of one column: the 32-bit field `number` of each entry."""
        end = self.start + self.count * self.entry_bytes
        step = _SLICE_ENTRIES * self.entry_bytes
        for start in range(self.start, end, step):
            values = array("I", bytes(self.box.content[start : min(start + step, end)]))
            if sys.byteorder == "little":
                values.byteswap()
            yield values[number :: self.entry_bytes // 4]


def read_table(table_type: bytes, box: Box, body: int) -> Table:
    """Return the table of this type whose body (starting with version and flags) is at offset `body`."""
    version = box.read_uint(body, 1)
    entry_bytes = _ENTRY_BYTES.get(table_type, 0)
    count_offset, count_bytes = body + 4, 4
    if table_type in (b"stsz", b"stz2"):
        count_offset += 4
        entry_bytes = 4 if table_type == b"stsz" and not box.read_uint(body + 4) else 0
    elif table_type == b"sbgp":
        count_offset += 8 if version == 1 else 4
    elif table_type == b"sidx":
        count_offset, count_bytes = count_offset + (26 if version else 18), 2
    elif table_type == b"trun":
        entry_bytes = 4 * (box.read_uint(body + 2, 1) & 15).bit_count()
    elif table_type == b"pssh":
        count_offset += 16
    elif table_type == b"iinf":
        count_bytes = 4 if version else 2
    elif table_type == b"iloc":
        count_offset, count_bytes = count_offset + 2, 4 if version > 1 else 2
    count = box.read_uint(count_offset, count_bytes)
    start = count_offset + count_bytes
    if count >= _REJECTED_COUNT or (table_type == b"pssh" and not version):
        count = 0
    elif entry_bytes:
        count = min(count, max(0, len(box.content) - start) // entry_bytes)
    return Table(box, start, count, entry_bytes)

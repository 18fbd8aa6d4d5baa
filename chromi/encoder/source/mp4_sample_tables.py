"""How long the lists in an MP4's index are, and how long they say that they are."""

import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chromi.encoder.source.mp4_boxes import Box

LISTS = tuple(
    re.compile(name)
    for name in (b"st(?:sz|z2|ts|sc|co|ss|ps)", b"ctts", b"co64", b"sbgp", b"sidx", b"trun", b"senc", b"pssh")
    + (b"iinf", b"iloc")
)
"""The names of lists that were seen to cost ffmpeg much memory or time (`trun`: older versions of it).

An expression that begins with letters is found several times as fast as one that has a choice there.
"""

_ENTRY_BYTES = {
    **dict.fromkeys((b"stts", b"ctts", b"co64", b"sbgp"), 8),
    **dict.fromkeys((b"stsc", b"sidx"), 12),
    **dict.fromkeys((b"stco", b"stss", b"stps"), 4),
    b"pssh": 16,
}
"""In other lists an entry may take no bytes at all."""
_UNBELIEVABLE = 2**28
"""For so many ffmpeg cannot even reserve the memory, so it gives up at once. Text looks like this."""
_SLICE_ENTRIES = 50_000
"""Read in one go, which stops all other threads for about a millisecond."""


@dataclass(frozen=True)
class EntryList:
    """A list as ffmpeg reads it: beyond the end of its box, up to the end of the file."""

    box: Box
    start: int
    count: int
    entry_bytes: int

    def columns(self, number: int) -> Iterator[Sequence[int]]:
        """Yield this 32-bit number of each entry, some entries at a time."""
        end = self.start + self.count * self.entry_bytes
        step = _SLICE_ENTRIES * self.entry_bytes
        for start in range(self.start, end, step):
            values = array("I", bytes(self.box.content[start : min(start + step, end)]))
            if sys.byteorder == "little":
                values.byteswap()
            yield values[number :: self.entry_bytes // 4]


def read_list(name: bytes, part: Box, content: int) -> EntryList:
    """Return the list whose content (version and flags first) begins there."""
    version = part.number(content, 1)
    entry_bytes = _ENTRY_BYTES.get(name, 0)
    count_at, count_bytes = content + 4, 4
    if name in (b"stsz", b"stz2"):
        count_at += 4
        entry_bytes = 4 if name == b"stsz" and not part.number(content + 4) else 0
    elif name == b"sbgp":
        count_at += 8 if version == 1 else 4
    elif name == b"sidx":
        count_at, count_bytes = count_at + (26 if version else 18), 2
    elif name == b"trun":
        entry_bytes = 4 * (part.number(content + 2, 1) & 15).bit_count()
    elif name == b"pssh":
        count_at += 16
    elif name == b"iinf":
        count_bytes = 4 if version else 2
    elif name == b"iloc":
        count_at, count_bytes = count_at + 2, 4 if version > 1 else 2
    count = part.number(count_at, count_bytes)
    start = count_at + count_bytes
    if count >= _UNBELIEVABLE or (name == b"pssh" and not version):
        count = 0
    elif entry_bytes:
        count = min(count, max(0, len(part.content) - start) // entry_bytes)
    return EntryList(part, start, count, entry_bytes)

"""Reject MP4 files whose index would cost ffmpeg far more time or memory than their size justifies.

The index (`moov`) declares in a few bytes how many samples a track has, how they are grouped into chunks, and
how long each table is. ffmpeg trusts most of it. 5 KB that claim 15 million samples take 730 MB, sixty such
tracks take 7 s, and a megabyte of tables that claim to extend far beyond their boxes takes more than 20 s.
"""

import mmap
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from chromi.encoder.source.mp4_audio_tracks import has_single_tick_audio_samples
from chromi.encoder.source.mp4_boxes import MAX_BOXES, TYPE_BYTES, Box, find_searchable_boxes
from chromi.encoder.source.mp4_sample_tables import TABLE_TYPES, Table, read_table
from chromi.errors import NotAVideo
from chromi.i18n import Message

MAX_EDITS = 1000
"""Limit for all edit lists together.

A phone's slow motion has four edits; ffmpeg takes 0.2 s for a thousand.
"""
MAX_ENTRIES = 5_000_000
"""Limit for all tables together.

ffmpeg takes 24 to 80 bytes per entry, and ten hours of video have 3 million.
"""
MIN_ENTRIES = 1000
"""This many entries are always allowed, however small the file is."""
BYTES_PER_ENTRY = 2
"""Minimum size of an entry in a file. A sample takes four bytes in the sample size table alone."""

MAX_OVERLAP = 20
"""Maximum sum of all sample sizes, as a multiple of the file size. A truncated file lists more than it
contains. Thousands of samples that share the same bytes cost as much to decode as distinct ones."""

_ENTRIES_PER_TABLE = 16
"""The cost of a table on top of its entries: checking 300,000 empty tables takes a second."""
_AUDIO_SAMPLES_PER_ENTRY = 160
"""ffmpeg combines at least this many one-tick samples into one entry."""
_EDIT_LIST, _EDIT_BYTES = re.compile(b"elst"), 12  # size in version 0
_SYNC_GROUPING = int.from_bytes(b"sync")


def check_index(path: Path) -> None:
    """Raise NotAVideo if an MP4 lists more than a clip needs or more than its size allows.

    ffmpeg reads tables in places that violate the standard, so they are searched for by type everywhere
    outside the media data. Invalid boxes are left to ffmpeg, whose error messages for them are better.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        max_entries = max(MIN_ENTRIES, min(MAX_ENTRIES, len(content) // BYTES_PER_ENTRY))
        totals = _Totals(max_entries, MAX_OVERLAP * len(content))
        outside_tracks = _Track(0, 0)
        for box in find_searchable_boxes(content):
            for type_offset in box.find(_EDIT_LIST):
                totals.add_edits(_count_edits(box, type_offset))
            tracks = _find_tracks(box)
            _add_tables(totals, box, tracks, outside_tracks)
            for track in tracks:
                totals.add_entries(track.entry_count)
        totals.add_entries(outside_tracks.entry_count)


class _Track:
    """The counts claimed by the tables of one track, or by all tables outside tracks (if `end` is 0).

    With `has_single_tick_samples`, ffmpeg combines hundreds of audio samples into one, as it does for PCM and
    old QuickTime codecs. In that case, millions of samples are not a large index.
    """

    def __init__(self, start: int, end: int, *, has_single_tick_samples: bool = False) -> None:
        self.start, self.end = start, end
        self._has_single_tick_samples = has_single_tick_samples
        self.sample_count = self.chunk_count = self.max_samples_per_chunk = 0

    @property
    def entry_count(self) -> int:
        """The number of index entries that ffmpeg creates."""
        samples = 0 if self._has_single_tick_samples else self.sample_count
        return samples + self.chunk_count * self.max_samples_per_chunk // _AUDIO_SAMPLES_PER_ENTRY


class _Totals:
    """The totals that a file claims. Raises NotAVideo as soon as one exceeds its limit."""

    def __init__(self, max_entries: int, max_sample_bytes: int) -> None:
        self._max_entries, self._max_sample_bytes = max_entries, max_sample_bytes
        self._edits = self._entries = self._sample_bytes = 0

    def add_edits(self, count: int) -> None:
        self._edits += count
        if self._edits > MAX_EDITS:
            raise NotAVideo(
                Message("This video contains too many edits. Save it as a new MP4 and try again.")
            )

    def add_entries(self, count: int) -> None:
        self._entries += count
        if self._entries > self._max_entries:
            raise _too_large(f"{self._entries} entries exceed the {self._max_entries} limit")

    def add_table(self, track: _Track, box: Box, type_offset: int) -> None:
        """Add the entries of the table whose type is at `type_offset`."""
        self.add_entries(_ENTRIES_PER_TABLE)
        table_type = bytes(box.content[type_offset : type_offset + TYPE_BYTES])
        table = read_table(table_type, box, type_offset + TYPE_BYTES)
        if table_type in (b"stsz", b"stz2"):
            self._add_sample_sizes(track, box, table)
            return
        self.add_entries(table.count)
        if table_type in (b"stco", b"co64"):
            track.chunk_count = max(track.chunk_count, table.count)
        elif table_type == b"stsc":
            for samples_per_chunk in table.column(1):
                track.max_samples_per_chunk = max(track.max_samples_per_chunk, max(samples_per_chunk))
        elif table_type == b"ctts" or (
            table_type == b"sbgp" and box.read_uint(type_offset + 8) == _SYNC_GROUPING
        ):
            for run_lengths in table.column(0):
                self.add_entries(sum(run_lengths))

    def _add_sample_sizes(self, track: _Track, box: Box, table: Table) -> None:
        """Add the samples and, inside a track, also their bytes."""
        track.sample_count += table.count
        if not track.end:
            return
        if table.entry_bytes:
            self._sample_bytes += sum(sum(sizes) for sizes in table.column(0))
        else:
            common_size_bytes = box.read_uint(table.start - 8)  # 0 if each sample has its own size
            self._sample_bytes += common_size_bytes * table.count
        if self._sample_bytes > self._max_sample_bytes:
            raise _too_large(f"{self._sample_bytes} sample bytes exceed the {self._max_sample_bytes} limit")


def _too_large(detail: str) -> NotAVideo:
    return NotAVideo(
        Message(
            "This video’s index lists more frames than we can read. "
            "Save the video as a new MP4 and try again."
        ),
        detail=detail,
    )


def _add_tables(totals: _Totals, box: Box, tracks: Sequence[_Track], outside_tracks: _Track) -> None:
    starts = [track.start for track in tracks]
    for table_type in TABLE_TYPES:
        for type_offset in box.find(table_type):
            index = bisect_right(starts, type_offset) - 1
            is_inside = index >= 0 and type_offset < tracks[index].end
            totals.add_table(tracks[index] if is_inside else outside_tracks, box, type_offset)


def _count_edits(box: Box, type_offset: int) -> int:
    """Return how many edits a list claims to have: at least one, and at most as many as fit in its box."""
    size_bytes = box.read_uint(type_offset - 4)
    start, end = type_offset + TYPE_BYTES, box.end
    if size_bytes == 1:
        start += 8  # skips the 64-bit size
    elif size_bytes:
        end = min(end, type_offset - 4 + size_bytes)
    if end - start < 8:
        return 1
    return max(1, min(box.read_uint(start + 4), (end - start - 8) // _EDIT_BYTES))


def _find_tracks(box: Box) -> list[_Track]:
    """Return the tracks found where the standard puts them."""
    movies = [box] if box.type == b"moov" else box.children() if box.type == b"cmov" else ()
    return [
        _Track(child.start, child.end, has_single_tick_samples=has_single_tick_audio_samples(child))
        for movie in movies
        if movie.type == b"moov"
        for child in islice(movie.children(), MAX_BOXES)
        if child.type == b"trak"
    ]

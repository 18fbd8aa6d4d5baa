"""Refuse an MP4 whose index would cost ffmpeg far more than its bytes can be worth.

The index says in a few bytes how many samples a track has, how they are cut into chunks, and how long each
list is. ffmpeg believes most of it: 5 KB that promise 15 million samples take 730 MB, sixty such tracks 7 s,
and a megabyte of lists that each claim to reach far beyond their box more than 20 s.
"""

import mmap
import re
from bisect import bisect_right
from itertools import islice
from pathlib import Path

from chromi.encoder.source.mp4_boxes import MAX_BOXES, NAME_BYTES, Box, searched_parts
from chromi.encoder.source.mp4_sample_tables import LISTS, EntryList, read_list
from chromi.errors import NotAVideo
from chromi.i18n import Message

MAX_EDITS = 1000
"""In all tracks together; a phone's slow motion has four, and ffmpeg takes 0.2 s for a thousand."""
MAX_ENTRIES = 5_000_000
"""In all lists together; ffmpeg takes 24 to 80 bytes for each, and ten hours of film have 3 million."""
MIN_ENTRIES = 1000
"""So many are always allowed, however small the file."""
BYTES_PER_ENTRY = 2
"""What an entry takes in a file at least: a sample takes four bytes in the list of sizes alone."""

MAX_OVERLAP = 20
"""How many times the file's size its samples may take together. A file that was cut off lists more than it
holds; thousands of samples that are all the same bytes cost as much to decode as real ones."""

_ENTRIES_PER_LIST = 16
"""What a list costs besides its entries: 300,000 empty ones take us a second."""
_AUDIO_SAMPLES_PER_ENTRY = 160
"""ffmpeg makes one entry of at least so many where sound is counted in single samples."""
_EDIT_LIST, _EDIT_BYTES = re.compile(b"elst"), 12  # of the shorter kind
_PACKED_INDEX, _HANDLER, _SAMPLE_TIMES = re.compile(b"cmov"), re.compile(b"hdlr"), re.compile(b"stts")
_HANDLERS_WITHOUT_EFFECT = (b"alis", b"url ", b"rsrc", b"mdta", b"mdir", bytes(NAME_BYTES))
_SYNC_GROUP = int.from_bytes(b"sync")


def check_index(path: Path) -> None:
    """Raise NotAVideo for an MP4 that lists more than a clip has, or more than its bytes can hold.

    ffmpeg reads lists in places that no standard has. So they are sought by name, everywhere but among the
    pictures. What makes no sense is left to ffmpeg, which says so best.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as movie:
        max_entries = max(MIN_ENTRIES, min(MAX_ENTRIES, len(movie) // BYTES_PER_ENTRY))
        index = _Index(max_entries, MAX_OVERLAP * len(movie))
        elsewhere = _Track(0, 0)
        for part in searched_parts(movie):
            for name_at in part.find(_EDIT_LIST):
                index.add_edits(_count_edits(part, name_at))
            tracks = _find_tracks(part)
            starts = [track.start for track in tracks]
            for name in LISTS:
                for name_at in part.find(name):
                    before = bisect_right(starts, name_at)
                    track = tracks[before - 1] if before and name_at < tracks[before - 1].end else elsewhere
                    index.add_list(track, part, name_at)
            for track in tracks:
                index.add_entries(track.entries)
        index.add_entries(elsewhere.entries)


class _Track:
    """What the lists of one track promise, or all lists that are in no track.

    `in_audio_samples` is true of sound whose samples ffmpeg puts together by the hundred, as it does with PCM
    and the codecs of old QuickTime: millions of them are no large index.
    """

    def __init__(self, start: int, end: int, *, in_audio_samples: bool = False) -> None:
        self.start, self.end = start, end
        self._in_audio_samples = in_audio_samples
        self.samples = self.chunks = self.most_per_chunk = 0

    @property
    def entries(self) -> int:
        samples = 0 if self._in_audio_samples else self.samples
        return samples + self.chunks * self.most_per_chunk // _AUDIO_SAMPLES_PER_ENTRY


class _Index:
    """The sum of what a file promises. Raises NotAVideo as soon as that is too much."""

    def __init__(self, max_entries: int, max_sample_bytes: int) -> None:
        self._max_entries, self._max_sample_bytes = max_entries, max_sample_bytes
        self._edits = self._entries = self._sample_bytes = 0

    def add_edits(self, edits: int) -> None:
        self._edits += edits
        if self._edits > MAX_EDITS:
            raise NotAVideo(
                Message("This video lists more cuts than we can follow. Save it anew as MP4 and try again.")
            )

    def add_entries(self, entries: int) -> None:
        self._entries += entries
        if self._entries > self._max_entries:
            raise _too_many(f"{self._entries} entries, at most {self._max_entries}")

    def add_samples(self, track: _Track, part: Box, sizes: EntryList) -> None:
        """Count the samples of a list of sizes, and the bytes that those of a track take."""
        track.samples += sizes.count
        if not track.end:
            return
        same_bytes = part.number(sizes.start - 8)  # 0 where each sample has its own
        each = (
            (sum(column) for column in sizes.columns(0)) if sizes.entry_bytes else (same_bytes * sizes.count,)
        )
        self._sample_bytes += sum(each)
        if self._sample_bytes > self._max_sample_bytes:
            raise _too_many(f"{self._sample_bytes} bytes of samples, at most {self._max_sample_bytes}")

    def add_list(self, track: _Track, part: Box, name_at: int) -> None:
        self.add_entries(_ENTRIES_PER_LIST)
        name = bytes(part.content[name_at : name_at + NAME_BYTES])
        entries = read_list(name, part, name_at + NAME_BYTES)
        if name in (b"stsz", b"stz2"):
            self.add_samples(track, part, entries)
            return
        self.add_entries(entries.count)
        if name in (b"stco", b"co64"):
            track.chunks = max(track.chunks, entries.count)
        elif name == b"stsc":
            for per_chunk in entries.columns(1):
                track.most_per_chunk = max(track.most_per_chunk, max(per_chunk))
        elif name == b"ctts" or (name == b"sbgp" and part.number(name_at + 8) == _SYNC_GROUP):
            for run_lengths in entries.columns(0):
                self.add_entries(sum(run_lengths))


def _too_many(detail: str) -> NotAVideo:
    return NotAVideo(
        Message(
            "This video's index lists more frames than we can read. "
            "Save the video as a new MP4 and try again."
        ),
        detail=detail,
    )


def _count_edits(part: Box, name_at: int) -> int:
    """Return how many edits the list says that it holds, or has room for if that is less; at least one."""
    size = part.number(name_at - 4)
    start, end = name_at + NAME_BYTES, part.end
    if size == 1:
        start += 8  # its size stands there
    elif size:
        end = min(end, name_at - 4 + size)
    if end - start < 8:
        return 1
    return max(1, min(part.number(start + 4), (end - start - 8) // _EDIT_BYTES))


def _find_tracks(part: Box) -> list[_Track]:
    """Return the tracks in their proper place."""
    movies = [part] if part.kind == b"moov" else part.children() if part.kind == b"cmov" else ()
    return [
        _Track(box.start, box.end, in_audio_samples=_is_in_audio_samples(box))
        for movie in movies
        if movie.kind == b"moov"
        for box in islice(movie.children(), MAX_BOXES)
        if box.kind == b"trak"
    ]


def _is_in_audio_samples(track: Box) -> bool:
    """Tell whether ffmpeg must take it for sound in which each sample lasts one tick.

    A forged track would be believed to be small, so there must be no second way to read it: the boxes that
    decide stand in their proper places, and nowhere else in the track is one that could decide otherwise.
    """
    media = _only_child(track, b"mdia")
    handler = media and _only_child(media, b"hdlr")
    table = media and _only_child(media, b"minf")
    table = table and _only_child(table, b"stbl")
    times = table and _only_child(table, b"stts")
    if not handler or not times:
        return False
    return (
        _handler_type(track, handler.body) == b"soun"
        and track.number(times.body + 4) == 1  # entry
        and track.number(times.body + 12) == 1  # tick
        and list(track.find(_SAMPLE_TIMES)) == [times.start + 4]
        and not any(track.find(_PACKED_INDEX))
        and all(at == handler.start + 4 or _is_without_effect(track, at) for at in track.find(_HANDLER))
    )


def _only_child(parent: Box, kind: bytes) -> Box | None:
    """Return the one child of this kind; None where ffmpeg might stop before it, too."""
    children = list(islice(parent.children(), MAX_BOXES))
    found = [box for box in children if box.kind == kind]
    if len(found) != 1 or found[0].size_bytes < 16 or any(box.kind in (b"mdat", b"trak") for box in children):
        return None
    return found[0]


def _is_without_effect(track: Box, name_at: int) -> bool:
    has_long_size = track.number(name_at - 4) == 1
    return not has_long_size and _handler_type(track, name_at + NAME_BYTES) in _HANDLERS_WITHOUT_EFFECT


def _handler_type(track: Box, body: int) -> bytes:
    return bytes(track.content[body + 8 : body + 12])

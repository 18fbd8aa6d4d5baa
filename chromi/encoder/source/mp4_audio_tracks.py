"""Recognize MP4 audio tracks whose samples ffmpeg combines into few index entries."""

import re
from itertools import islice

from chromi.encoder.source.mp4_boxes import MAX_BOXES, TYPE_BYTES, Box

_COMPRESSED_MOVIE, _HANDLER, _TIME_TO_SAMPLE = re.compile(b"cmov"), re.compile(b"hdlr"), re.compile(b"stts")
_IGNORED_HANDLERS = (b"alis", b"url ", b"rsrc", b"mdta", b"mdir", bytes(TYPE_BYTES))
_MIN_BODY_BYTES = 16


def has_single_tick_audio_samples(track: Box) -> bool:
    """Return whether ffmpeg is certain to treat the track as audio whose samples last one tick each.

    A forged track could make its index look small, so no other interpretation may be possible. The boxes that
    decide this must be where the standard puts them, and the track must not contain another box elsewhere
    that could change the outcome.
    """
    media = _find_only_child(track, b"mdia")
    handler = media and _find_only_child(media, b"hdlr")
    media_information = media and _find_only_child(media, b"minf")
    sample_table = media_information and _find_only_child(media_information, b"stbl")
    time_to_sample = sample_table and _find_only_child(sample_table, b"stts")
    if not handler or not time_to_sample:
        return False
    return (
        _read_handler_type(track, handler.body) == b"soun"
        and track.read_uint(time_to_sample.body + 4) == 1  # number of entries
        and track.read_uint(time_to_sample.body + 12) == 1  # ticks per sample
        and list(track.find(_TIME_TO_SAMPLE)) == [time_to_sample.start + 4]
        and not any(track.find(_COMPRESSED_MOVIE))
        and all(
            offset == handler.start + 4 or _is_ignored_handler(track, offset)
            for offset in track.find(_HANDLER)
        )
    )


def _find_only_child(parent: Box, box_type: bytes) -> Box | None:
    """Return the only child of this type, or None if ffmpeg might stop reading before it."""
    children = list(islice(parent.children(), MAX_BOXES))
    found = [child for child in children if child.type == box_type]
    if len(found) != 1 or found[0].size_bytes < _MIN_BODY_BYTES:
        return None
    if any(child.type in (b"mdat", b"trak") for child in children):
        return None
    return found[0]


def _is_ignored_handler(track: Box, type_offset: int) -> bool:
    has_64_bit_size = track.read_uint(type_offset - 4) == 1
    return not has_64_bit_size and _read_handler_type(track, type_offset + TYPE_BYTES) in _IGNORED_HANDLERS


def _read_handler_type(track: Box, body: int) -> bytes:
    return bytes(track.content[body + 8 : body + 12])

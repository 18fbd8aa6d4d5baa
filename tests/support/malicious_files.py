"""Build malicious files: most are small, but expensive for a program that trusts their headers."""

import io
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import count

from PIL import Image

HUGE = 2**62


# -- MP4: boxes of size, type and content --------------------------------------------------------------------

_CONTAINER_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts")


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box of this type."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *content: bytes) -> bytes:
    """Return a full box with version 0 and no flags."""
    return box(kind, bytes(4), *content)


def edit_boxes(movie: bytes, changes: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
    """Return the movie with the content of all boxes of these types changed and all sizes updated.

    The offsets of data before the index stay valid. ffmpeg writes MP4 files in this order.
    """
    edited, at = [], 0
    while at < len(movie):
        size, kind = struct.unpack_from(">I4s", movie, at)
        content = movie[at + 8 : at + size]
        if kind in changes:
            content = changes[kind](content)
        elif kind in _CONTAINER_BOXES:
            content = edit_boxes(content, changes)
        edited.append(box(kind, content))
        at += size
    return b"".join(edited)


def nested_boxes(kind: bytes, depth: int) -> bytes:
    """Return a file type box followed by nested boxes."""
    start = box(b"ftyp", b"isom", bytes(4), b"isom")
    return start + b"".join(struct.pack(">I4s", 8 * (depth - level), kind) for level in range(depth))


def many_samples(movie: bytes, samples: int) -> bytes:
    """Claim this many samples of one byte, all in one chunk."""
    return edit_boxes(
        movie,
        {
            b"stsz": lambda _: struct.pack(">4xII", 1, samples),
            b"stts": lambda _: struct.pack(">4xIII", 1, samples, 1),
            b"stsc": lambda _: struct.pack(">4xIIII", 1, 1, samples, 1),
            b"ctts": lambda _: struct.pack(">4xIII", 1, samples, 1),
        },
    )


def list_box(kind: str, entries: int, *content: bytes, before: bytes = b"", version: int = 0) -> bytes:
    """Return a list box that claims this many entries, whatever its content."""
    return box(kind.encode(), bytes([version, 0, 0, 0]), before, struct.pack(">I", entries), *content)


def overlapping_lists(movie: bytes, one_list: bytes, lists: int = 3000) -> bytes:
    """Add lists that claim more entries than they contain, and a megabyte of data that they overlap."""
    return edit_boxes(movie, {b"stbl": lambda index: index + one_list * lists}) + box(
        b"free", bytes(1_000_000)
    )


def forged_tracks(movie: bytes, samples: int, tracks: int) -> bytes:
    """Add copies of the first track that claim this many samples each."""
    at = movie.index(b"trak") - 4
    (size,) = struct.unpack_from(">I", movie, at)
    track = many_samples(movie[at : at + size], samples)
    return edit_boxes(movie, {b"moov": lambda index: index + track * tracks})


def many_tracks(movie: bytes, tracks: int) -> bytes:
    """Copy the first track until the movie has this many tracks with the same samples."""

    def multiply(index: bytes) -> bytes:
        at = index.index(b"trak") - 4
        (size,) = struct.unpack_from(">I", index, at)
        return index + index[at : at + size] * (tracks - 1)

    return edit_boxes(movie, {b"moov": multiply})


def long_samples(movie: bytes, ticks: int) -> bytes:
    """Give every sample this duration, on a time scale of one tick per second."""

    def change(times: bytes) -> bytes:
        (entries,) = struct.unpack_from(">I", times, 4)
        counts = [struct.unpack_from(">I", times, 8 + 8 * entry)[0] for entry in range(entries)]
        return times[:8] + b"".join(struct.pack(">II", samples, ticks) for samples in counts)

    def set_time_scale(header: bytes) -> bytes:
        return header[:12] + struct.pack(">I", 1) + header[16:]

    return edit_boxes(movie, {b"stts": change, b"mdhd": set_time_scale})


def edited_times(movie: bytes, duration: int, start: int, entries: int) -> bytes:
    """Replace the edit list by this many equal edits."""
    edit = struct.pack(">Iii", duration, start, 65536)
    return edit_boxes(movie, {b"elst": lambda _: struct.pack(">4xI", entries) + edit * entries})


def compress_index(movie: bytes) -> bytes:
    """Compress the index like old QuickTime versions."""

    def compress(index: bytes) -> bytes:
        movie_box = box(b"moov", index)
        content = box(b"cmvd", struct.pack(">I", len(movie_box)), zlib.compress(movie_box))
        return box(b"cmov", box(b"dcom", b"zlib"), content)

    return edit_boxes(movie, {b"moov": compress})


def external_reference(movie: bytes, kind: bytes, path: str) -> bytes:
    """Claim that the samples are in another file, with an `alis` (QuickTime) or a `url ` box."""
    entry = full_box(b"url ", path.encode(), b"\0") if kind == b"url " else _alias(path)
    return edit_boxes(movie, {b"dref": lambda _: struct.pack(">4xI", 1) + entry})


def _alias(path: str) -> bytes:
    """Return QuickTime's alias record as ffmpeg reads it: volume, name, directory levels, tagged paths."""
    folder, _, name = path.rpartition("/")
    tagged = b""
    for tag, text in ((0, folder.encode()), (2, path.encode())):
        tagged += struct.pack(">HH", tag, len(text)) + text + b"\0" * (len(text) % 2)
    record = bytes(10) + _pascal("disk", 28) + bytes(12) + _pascal(name, 64) + bytes(16)
    return full_box(b"alis", record, struct.pack(">HH", 1, 1), bytes(16), tagged, struct.pack(">hH", -1, 0))


def _pascal(text: str, length: int) -> bytes:
    return bytes([min(len(text), length - 1)]) + text.encode()[: length - 1].ljust(length - 1, b"\0")


def replace_sample(movie: bytes, sample: bytes, size_px: tuple[int, int]) -> bytes:
    """Replace the only sample, and claim that its frame has this size."""

    def describe(entry: bytes) -> bytes:
        return entry[:40] + struct.pack(">HH", *size_px) + entry[44:]

    changes = {
        b"mdat": lambda _: sample,
        b"stsz": lambda _: struct.pack(">4xII", len(sample), 1),
        b"stsd": describe,
    }
    return edit_boxes(movie, changes)


# -- Matroska: elements of ID, size and content --------------------------------------------------------------


def element(name: str, *content: bytes) -> bytes:
    """Return an element with this ID in hex."""
    body = b"".join(content)
    return bytes.fromhex(name) + (1 << 56 | len(body)).to_bytes(8, "big") + body


def number(name: str, value: int) -> bytes:
    return element(name, value.to_bytes(8, "big"))


def text(name: str, value: str) -> bytes:
    return element(name, value.encode())


def jpeg(width_px: int = 64, height_px: int = 36, *, claimed_px: tuple[int, int] | None = None) -> bytes:
    """Return a JPEG image. `claimed_px` is the size in its header."""
    file = io.BytesIO()
    Image.new("RGB", (width_px, height_px), "teal").save(file, "JPEG")
    content = file.getvalue()
    if claimed_px:
        at = content.index(b"\xff\xc0") + 5
        content = content[:at] + struct.pack(">HH", claimed_px[1], claimed_px[0]) + content[at + 4 :]
    return content


def matroska(
    frames: Iterable[tuple[int, bytes]],
    *,
    scale: int = 1_000_000,
    info: bytes = b"",
    track: bytes = b"",
    extra: bytes = b"",
    tracks: int = 1,
) -> bytes:
    """Return a Motion JPEG file with one cluster per frame, at times in units of `scale` ns.

    `info`, `track` and `extra` are further elements of the segment information, each track and the segment.
    """
    header = element("1A45DFA3", text("4282", "matroska"), number("4287", 4), number("4285", 2))
    entries = [_track(1 + index, track) for index in range(tracks)]
    clusters = [
        element("1F43B675", number("E7", time), element("A3", b"\x81\0\0\x80", data)) for time, data in frames
    ]
    segment_info = element("1549A966", number("2AD7B1", scale), text("4D80", "m"), text("5741", "m"), info)
    return header + element("18538067", segment_info, element("1654AE6B", *entries), extra, *clusters)


def _track(index: int, extra: bytes) -> bytes:
    size = element("E0", number("B0", 64), number("BA", 36))
    kind = number("D7", index) + number("73C5", index) + number("83", 1) + text("86", "V_MJPEG")
    return element("AE", kind, size, extra)


def linked_segments(name: str) -> bytes:
    """Claim that this segment is linked to segments in another file."""
    uid = bytes(range(16))
    ids = element("73A4", uid) + element("3CB923", uid) + element("3EB923", uid)
    return ids + text("3C83AB", name) + text("3E83BB", name)


def linked_chapters() -> bytes:
    """Return ordered chapters in another file."""
    atom = element(
        "B6", number("73C4", 1), number("91", 0), number("92", 10**9), element("6E67", bytes(range(16)))
    )
    return element("1043A770", element("45B9", number("45DD", 1), atom))


def attachment(name: str, content: bytes) -> bytes:
    file = (text("466E", name), text("4660", "video/mp4"), element("465C", content), number("46AE", 1))
    return element("1941A469", element("61A7", *file))


def nested_tags(depth: int) -> bytes:
    """Return nested tags."""
    sizes = count(0, 10)
    heads = [bytes.fromhex("67C8") + (1 << 56 | next(sizes)).to_bytes(8, "big") for _ in range(depth)]
    return element("1254C367", element("7373", *reversed(heads)))


COMPRESSED = element("6D80", element("6240", element("5034", number("4254", 0))))
"""A track element that declares zlib compression."""


@cache
def bomb(size_bytes: int) -> bytes:
    """Return this many compressed zero bytes."""
    return zlib.compress(bytes(size_bytes), 9)


def laced_blocks(blocks: int) -> bytes:
    """Return a cluster of blocks with 256 empty frames each."""
    block = element("A3", b"\x81\0\0\x82\xff", bytes(255))
    return element("1F43B675", number("E7", 0), block * blocks)


# -- GIF -----------------------------------------------------------------------------------------------------


def gif(frames: int, *, screen_px: Sequence[int] = (64, 36), delay_cs: int = 4) -> bytes:
    """Return a GIF with this many frames of one pixel, each 23 bytes."""
    start = b"GIF89a" + struct.pack("<HHBBB", *screen_px, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0" + struct.pack("<H", delay_cs) + b"\0\0"
    frame += b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    return start + frame * frames + b";"


def large_png(side_px: int) -> bytes:
    """Return a black square with one bit per pixel."""
    row = bytes(1 + side_px // 8)
    compressor = zlib.compressobj(1)
    data = b"".join(compressor.compress(row) for _ in range(side_px)) + compressor.flush()
    header = struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )

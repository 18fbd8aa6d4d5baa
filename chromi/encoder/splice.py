"""Join GIFs that were drawn in parts into one, block by block, without touching a pixel.

Block names and layouts are those of the GIF89a specification (CompuServe, 1990).
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from chromi.errors import BrokenResult

TRAILER = b";"
_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC_CONTROL = 0xF9
_HAS_TABLE, _EIGHT_BITS, _TABLE_SIZE, _INTERLACED = 0x80, 0x70, 0x07, 0x40
_LOOP_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_NO_CONTROL = b"\x21\xf9\x04\x00\x00\x00\x00\x00"


@dataclass(frozen=True)
class Frame:
    """One picture: its graphic control extension, its descriptor, its colours and its LZW data."""

    control: bytes
    descriptor: bytes
    colours: bytes
    pixels: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.control) + len(self.descriptor) + len(self.pixels)


@dataclass(frozen=True)
class Part:
    """Frames in one GIF, or in several that show the same ones: of each frame the smallest is taken.

    The first `skip` of them only set the stage.
    """

    paths: Sequence[Path]
    skip: int = 0


def join_parts(parts: Sequence[Part], destination: Path, *, fps: int) -> int:
    """Write the frames of all `parts` to `destination` as one endless GIF; return how many there are.

    The delays are the whole centiseconds that stay closest to `fps` over the whole length (4, 4, 5, 4, 4, 4
    at 24), so that 144 frames last exactly 600. Raises BrokenResult if a part is no whole GIF.
    """
    count = 0
    with destination.open("wb") as file:
        for part in parts:
            frames = read_frames(part)
            if not count:
                common = frames[0].colours
                file.write(_header(part.paths[0], common) + _LOOP_FOREVER)
            for frame in frames[part.skip :]:
                _write_frame(file, frame, common, delay_cs=_at_cs(count + 1, fps) - _at_cs(count, fps))
                count += 1
        file.write(TRAILER)
    return count


def read_frames(part: Part) -> list[Frame]:
    """Return the frames of a part, each with the colours that apply to it. Raises BrokenResult."""
    try:
        alternatives = zip(*(_read_gif(path) for path in part.paths), strict=True)
        return [min(same, key=lambda frame: frame.size_bytes) for same in alternatives]
    except ValueError as error:
        raise BrokenResult(detail=f"{part.paths} do not hold the same frames") from error


def _at_cs(frame: int, fps: int) -> int:
    """When `frame` begins. Whole numbers only: round() would take 12.5 for 12."""
    return (frame * 200 + fps) // (2 * fps)


def _write_frame(file: BinaryIO, frame: Frame, common: bytes, *, delay_cs: int) -> None:
    control = bytearray(frame.control)
    struct.pack_into("<H", control, 4, delay_cs)
    flags = frame.descriptor[9] & _INTERLACED
    own = b"" if frame.colours == common else frame.colours
    if own:
        flags |= _HAS_TABLE | _table_bits(own)
    file.write(bytes(control) + frame.descriptor[:9] + bytes([flags]) + own + frame.pixels)


def _table_bits(colours: bytes) -> int:
    """Return how a descriptor says the size of a table: 2 to the power of this + 1 colours."""
    return (len(colours) // 3).bit_length() - 2


def _header(path: Path, common: bytes) -> bytes:
    """Return a header and screen like those of `path`, with `common` as the global colours."""
    with path.open("rb") as file:
        size = file.read(10)[6:]
    flags = _HAS_TABLE | _EIGHT_BITS | _table_bits(common)
    return b"GIF89a" + size + bytes([flags, 0, 0]) + common


def _read_gif(path: Path) -> list[Frame]:
    content = path.read_bytes()
    try:
        common, start = _table(content, 13, content[10])
        return [frame if frame.colours else replace(frame, colours=common) for frame in _walk(content, start)]
    except IndexError as error:
        raise BrokenResult(detail=f"{path.name} ends in the middle") from error


def _walk(content: bytes, at: int) -> Iterator[Frame]:
    control = _NO_CONTROL
    while (kind := content[at]) != TRAILER[0]:
        if kind == _EXTENSION:
            end = _skip_blocks(content, at + 2)
            if content[at + 1] == _GRAPHIC_CONTROL:
                control = content[at:end]
        elif kind == _IMAGE:
            colours, start = _table(content, at + 10, content[at + 9])
            end = _skip_blocks(content, start + 1)  # after the LZW minimum code size
            yield Frame(control, content[at : at + 10], colours, content[start:end])
            control = _NO_CONTROL
        else:
            raise BrokenResult(detail=f"a block of kind {kind:#x} at byte {at}")
        at = end


def _table(content: bytes, at: int, flags: int) -> tuple[bytes, int]:
    """Return the colour table that `flags` announce at `at`, and where it ends."""
    length = 3 * (2 << (flags & _TABLE_SIZE)) if flags & _HAS_TABLE else 0
    return content[at : at + length], at + length


def _skip_blocks(content: bytes, at: int) -> int:
    """Return where the sub-blocks that begin at `at` end."""
    while content[at]:
        at += content[at] + 1
    return at + 1

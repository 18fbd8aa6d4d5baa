"""A GIF as a row of blocks, read and written without touching a pixel.

Names and layouts are those of the GIF89a specification (CompuServe, 1990).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from mmap import mmap

from chromi.encoder.encoder_errors import BrokenResult

SIGNATURE, TRAILER = b"GIF89a", b";"
SCREEN_BYTES = 13
"""Of signature and logical screen descriptor, with which every GIF begins."""
LOOP_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_LOOP_START = LOOP_FOREVER[:-3]
_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC_CONTROL, _COMMENT = 0xF9, 0xFE
_HAS_TABLE, _EIGHT_BITS, _TABLE_SIZE, _INTERLACED = 0x80, 0x70, 0x07, 0x40
_NO_CONTROL = b"\x21\xf9\x04\x00\x00\x00\x00\x00"


@dataclass(frozen=True)
class Frame:
    """One picture: its graphic control extension, its descriptor, the colors that apply, its LZW data."""

    control: bytes
    descriptor: bytes
    colors: bytes
    pixels: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.control) + len(self.descriptor) + len(self.pixels)

    @property
    def delay_cs(self) -> int:
        return int.from_bytes(self.control[4:6], "little")

    def lasting(self, delay_cs: int) -> "Frame":
        """Return it with another delay."""
        return replace(self, control=self.control[:4] + struct.pack("<H", delay_cs) + self.control[6:])

    def to_bytes(self, common: bytes) -> bytes:
        """Return its blocks, for a GIF whose global colors are `common`."""
        flags = self.descriptor[9] & _INTERLACED
        own = b"" if self.colors == common else self.colors
        if own:
            flags |= _HAS_TABLE | _table_bits(own)
        return self.control + self.descriptor[:9] + bytes([flags]) + own + self.pixels


@dataclass(frozen=True)
class Extension:
    """What belongs to no picture."""

    content: bytes

    @property
    def loop(self) -> int | None:
        """How often the GIF plays, 0 for ever; None if this does not tell."""
        tells = len(self.content) == len(LOOP_FOREVER) and self.content.startswith(_LOOP_START)
        return int.from_bytes(self.content[-3:-1], "little") if tells else None

    @property
    def name(self) -> str:
        return "comment" if self.content[1] == _COMMENT else repr(self.content[3:14])


def read_size_px(content: bytes | mmap) -> tuple[int, int]:
    """Return width and height of the screen. Raises BrokenResult if this is no GIF."""
    if content[:3] != SIGNATURE[:3] or len(content) < SCREEN_BYTES:
        raise BrokenResult(detail=f"no GIF: it begins with {content[:6]!r}")
    width, height = struct.unpack("<HH", content[6:10])
    return width, height


def read_blocks(content: bytes | mmap) -> Iterator[Frame | Extension]:
    """Yield the frames, and the extensions that belong to none. Raises BrokenResult if it is no whole GIF."""
    read_size_px(content)
    try:
        yield from _walk(content)
    except IndexError as error:
        raise BrokenResult(detail="the GIF ends in the middle") from error


def start_gif(size_px: tuple[int, int], common: bytes) -> bytes:
    """Return what a GIF of this size begins with, `common` being its global colors."""
    flags = _HAS_TABLE | _EIGHT_BITS | _table_bits(common)
    return SIGNATURE + struct.pack("<HHBBB", *size_px, flags, 0, 0) + common


def _walk(content: bytes | mmap) -> Iterator[Frame | Extension]:
    common, at = _table(content, SCREEN_BYTES, content[10])
    control = _NO_CONTROL
    while (kind := content[at]) != TRAILER[0]:
        if kind == _EXTENSION:
            end = _skip_blocks(content, at + 2)
            if content[at + 1] == _GRAPHIC_CONTROL:
                control = content[at:end]
            else:
                yield Extension(content[at:end])
        elif kind == _IMAGE:
            own, start = _table(content, at + 10, content[at + 9])
            end = _skip_blocks(content, start + 1)  # after the LZW minimum code size
            yield Frame(control, content[at : at + 10], own or common, content[start:end])
            control = _NO_CONTROL
        else:
            raise BrokenResult(detail=f"a block of kind {kind:#x} at byte {at}")
        at = end


def _table(content: bytes | mmap, at: int, flags: int) -> tuple[bytes, int]:
    """Return the color table that `flags` announce at `at`, and where it ends."""
    length = 3 * (2 << (flags & _TABLE_SIZE)) if flags & _HAS_TABLE else 0
    return content[at : at + length], at + length


def _table_bits(colors: bytes) -> int:
    """Return how a descriptor says the size of a table: 2 to the power of this + 1 colors."""
    return (len(colors) // 3).bit_length() - 2


def _skip_blocks(content: bytes | mmap, at: int) -> int:
    """Return where the sub-blocks that begin at `at` end."""
    while size := content[at]:
        at += size + 1
    return at + 1

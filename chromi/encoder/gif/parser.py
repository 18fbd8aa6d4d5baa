"""Parse and write the blocks of a GIF without decoding its images.

Names and layouts follow the GIF89a specification (CompuServe, 1990).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from mmap import MADV_DONTNEED, mmap

from chromi.encoder.encoder_errors import BrokenResult

SIGNATURE, TRAILER = b"GIF89a", b";"
HEADER_BYTES = 13
"""The size of the header and logical screen descriptor at the start of every GIF."""
LOOP_FOREVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
"""The application extension that repeats the animation endlessly."""
_LOOP_PREFIX = LOOP_FOREVER[:-3]
_EXTENSION_INTRODUCER, _IMAGE_SEPARATOR = 0x21, 0x2C
_GRAPHIC_CONTROL_LABEL, _COMMENT_LABEL = 0xF9, 0xFE
_COLOR_TABLE_FLAG, _COLOR_RESOLUTION_8_BITS, _COLOR_TABLE_SIZE, _INTERLACE_FLAG = 0x80, 0x70, 0x07, 0x40
_DISPOSAL_METHOD, _DO_NOT_DISPOSE = 0x1C, 0x04
_DEFAULT_GRAPHIC_CONTROL = b"\x21\xf9\x04\x00\x00\x00\x00\x00"


@dataclass(frozen=True)
class Frame:
    """A graphic control extension and the image it applies to.

    `color_table` is the active color table: the image's local one, or else the global one. `lzw_data` is the
    table-based image data, including the minimum code size and the sub-block sizes.
    """

    graphic_control: bytes
    image_descriptor: bytes
    color_table: bytes
    lzw_data: bytes

    @property
    def size_bytes(self) -> int:
        """The size in the file, excluding a local color table."""
        return len(self.graphic_control) + len(self.image_descriptor) + len(self.lzw_data)

    @property
    def delay_cs(self) -> int:
        return int.from_bytes(self.graphic_control[4:6], "little")

    def drawn_over_previous(self, delay_cs: int) -> "Frame":
        """Return the frame with this delay, after which it stays as the background of the next frame."""
        control = self.graphic_control
        packed_fields = control[3] & ~_DISPOSAL_METHOD | _DO_NOT_DISPOSE
        timed = control[:3] + struct.pack("<BH", packed_fields, delay_cs) + control[6:]
        return replace(self, graphic_control=timed)

    def to_bytes(self, global_color_table: bytes) -> bytes:
        """Return the frame's blocks for a GIF with this global color table."""
        packed_fields = self.image_descriptor[9] & _INTERLACE_FLAG
        local_color_table = b"" if self.color_table == global_color_table else self.color_table
        if local_color_table:
            packed_fields |= _COLOR_TABLE_FLAG | _encode_table_size(local_color_table)
        descriptor = self.image_descriptor[:9] + bytes([packed_fields])
        return self.graphic_control + descriptor + local_color_table + self.lzw_data


@dataclass(frozen=True)
class Extension:
    """An extension block that is not part of an image."""

    content: bytes

    @property
    def loop_count(self) -> int | None:
        """The number of repetitions, 0 for endless; None if this is not a loop extension."""
        is_loop = len(self.content) == len(LOOP_FOREVER) and self.content.startswith(_LOOP_PREFIX)
        return int.from_bytes(self.content[-3:-1], "little") if is_loop else None

    @property
    def name(self) -> str:
        """A name for error messages."""
        return "comment" if self.content[1] == _COMMENT_LABEL else repr(self.content[3:14])


def read_size_px(content: bytes | mmap) -> tuple[int, int]:
    """Return the width and height of the logical screen. Raises BrokenResult if this is not a GIF."""
    if content[:3] != SIGNATURE[:3] or len(content) < HEADER_BYTES:
        raise BrokenResult(detail=f"not a GIF: starts with {content[:6]!r}")
    width, height = struct.unpack("<HH", content[6:10])
    return width, height


def read_blocks(content: bytes | mmap) -> Iterator[Frame | Extension]:
    """Yield the frames and the extensions between them. Raises BrokenResult if the GIF is incomplete.

    What has been read of a mapped file does not stay in memory.
    """
    read_size_px(content)
    try:
        for block in _read_blocks(content):
            if isinstance(content, mmap):
                content.madvise(MADV_DONTNEED)
            yield block
    except IndexError as error:
        raise BrokenResult(detail="the GIF is truncated") from error


def write_header(size_px: tuple[int, int], global_color_table: bytes) -> bytes:
    """Return the header, the logical screen descriptor and the global color table."""
    packed_fields = _COLOR_TABLE_FLAG | _COLOR_RESOLUTION_8_BITS | _encode_table_size(global_color_table)
    return SIGNATURE + struct.pack("<HHBBB", *size_px, packed_fields, 0, 0) + global_color_table


def _read_blocks(content: bytes | mmap) -> Iterator[Frame | Extension]:
    global_color_table, position = _read_color_table(content, HEADER_BYTES, content[10])
    graphic_control = _DEFAULT_GRAPHIC_CONTROL
    while (introducer := content[position]) != TRAILER[0]:
        if introducer == _EXTENSION_INTRODUCER:
            end = _skip_sub_blocks(content, position + 2)
            if content[position + 1] == _GRAPHIC_CONTROL_LABEL:
                graphic_control = content[position:end]
            else:
                yield Extension(content[position:end])
        elif introducer == _IMAGE_SEPARATOR:
            table, start = _read_color_table(content, position + 10, content[position + 9])
            end = _skip_sub_blocks(content, start + 1)  # after the LZW minimum code size
            descriptor = content[position : position + 10]
            yield Frame(graphic_control, descriptor, table or global_color_table, content[start:end])
            graphic_control = _DEFAULT_GRAPHIC_CONTROL
        else:
            raise BrokenResult(detail=f"unknown block {introducer:#x} at byte {position}")
        position = end


def _read_color_table(content: bytes | mmap, start: int, packed_fields: int) -> tuple[bytes, int]:
    """Return the color table at `start` (empty if `packed_fields` declares none) and its end position."""
    has_table = packed_fields & _COLOR_TABLE_FLAG
    size_bytes = 3 * (2 << (packed_fields & _COLOR_TABLE_SIZE)) if has_table else 0
    return content[start : start + size_bytes], start + size_bytes


def _encode_table_size(color_table: bytes) -> int:
    """Return the size field n of a color table with 2**(n + 1) colors."""
    return (len(color_table) // 3).bit_length() - 2


def _skip_sub_blocks(content: bytes | mmap, start: int) -> int:
    """Return the end position of the sub-block sequence at `start`."""
    position = start
    while size := content[position]:
        position += size + 1
    return position + 1

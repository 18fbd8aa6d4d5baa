"""Build the ZIP of the browser extension around a GIF without copying the GIF."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from flask import render_template
from PIL import Image, ImageOps

from chromi.config import VERSION
from chromi.encoder import read_first_frame
from chromi.web.http.file_response import Envelope

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STATIC = Path(__file__).parents[1] / "static" / "extension"
ICON_PX = 128


def build_envelope(gif_path: Path) -> Envelope:
    """Return the bytes of the extension's ZIP before and after the GIF. They are reproducible.

    Raises FileNotFoundError.
    """
    zip_file = _FileWithGap()
    with gif_path.open("rb") as source, ZipFile(zip_file, "w") as archive:
        for name, content in _small_files(read_first_frame(gif_path)):
            archive.writestr(_entry(name), content, ZIP_DEFLATED)
        gif = _entry("background.gif")
        gif.compress_type = ZIP_STORED  # a GIF is already compressed
        with archive.open(gif, "w") as copy:
            zip_file.skip_next(os.fstat(source.fileno()).st_size)
            shutil.copyfileobj(source, copy, 1024**2)
    return zip_file.envelope()


def envelope_etag(envelope: Envelope) -> str:
    """Return the ETag of the ZIP. It reflects the GIF, because the envelope contains the GIF's checksum."""
    return hashlib.sha256(envelope.header + envelope.trailer).hexdigest()[:32]


class _FileWithGap(io.BytesIO):
    """Accepts a whole file but stores only the bytes outside one range, which is already on disk."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0
        self._gap = range(0)

    def skip_next(self, size_bytes: int) -> None:
        """Skip storing the next `size_bytes`."""
        self._gap = range(self._position, self._position + size_bytes)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset
        return offset

    def write(self, data: ReadableBuffer) -> int:
        size = len(memoryview(data))
        if self._position not in self._gap:
            is_after_gap = self._position >= self._gap.stop
            super().seek(self._position - len(self._gap) * is_after_gap)
            super().write(data)
        self._position += size
        return size

    def envelope(self) -> Envelope:
        stored = self.getvalue()
        return Envelope(stored[: self._gap.start], stored[self._gap.start :])


def _small_files(still: bytes) -> Iterator[tuple[str, str | bytes]]:
    """Yield names and contents. `still` is the first frame, for the icon and for reduced motion."""
    for name in ("manifest.json", "newtab.html"):
        yield name, render_template(f"extension/{name}", version=VERSION)
    for name in ("newtab.css", "newtab.js"):
        yield name, (STATIC / name).read_bytes()
    yield "still.jpg", still
    yield "icon.png", _draw_icon(still)


def _draw_icon(still: bytes) -> bytes:
    """Return the center of the frame as a small square PNG."""
    icon = io.BytesIO()
    with Image.open(io.BytesIO(still), formats=["JPEG"]) as image:
        ImageOps.fit(image, (ICON_PX, ICON_PX)).save(icon, "PNG")
    return icon.getvalue()


def _entry(name: str) -> ZipInfo:
    """Return a ZIP entry that everyone may read once unpacked, dated 1980 (ZIP's first year)."""
    entry = ZipInfo(name)
    entry.external_attr = 0o100644 << 16
    return entry

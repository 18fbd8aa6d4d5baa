"""Build ZIP archives around files on disk without copying the files."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from chromi.web.http.file_response import FileLayout, FilePart

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class ZipBuilder:
    """Builds the layout of a ZIP archive. The archives are reproducible."""

    def __init__(self) -> None:
        self._output = _FileWithGaps()
        self._archive = ZipFile(self._output, "w")

    def add(self, name: str, content: str | bytes) -> None:
        """Add a small file, compressed."""
        self._archive.writestr(_entry(name), content, ZIP_DEFLATED)

    def add_file(self, name: str, path: Path) -> None:
        """Add a file on disk, uncompressed. It is read once for its checksum. Raises FileNotFoundError."""
        entry = _entry(name)
        entry.compress_type = ZIP_STORED
        with path.open("rb") as source, self._archive.open(entry, "w") as copy:
            self._output.skip_next(FilePart(path, os.fstat(source.fileno()).st_size))
            shutil.copyfileobj(source, copy, 1024**2)

    def finish(self) -> FileLayout:
        self._archive.close()
        return self._output.layout()


def zip_etag(layout: FileLayout) -> str:
    """Return the ETag of a ZIP. It reflects all files, because the layout contains their checksums."""
    return hashlib.sha256(b"".join(part for part in layout.parts if isinstance(part, bytes))).hexdigest()[:32]


class _FileWithGaps(io.BytesIO):
    """Accepts a whole archive but does not store the content of files that are already on disk."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0
        self._gaps: list[tuple[range, FilePart]] = []

    def skip_next(self, part: FilePart) -> None:
        """Do not store the content of this file, which is written next."""
        self._gaps.append((range(self._position, self._position + part.size_bytes), part))

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset
        return offset

    def write(self, data: ReadableBuffer) -> int:
        size = len(memoryview(data))
        if not any(self._position in gap for gap, _ in self._gaps):
            super().seek(self._stored_offset(self._position))
            super().write(data)
        self._position += size
        return size

    def layout(self) -> FileLayout:
        stored = self.getvalue()
        parts: list[bytes | FilePart] = []
        start = 0
        for gap, part in self._gaps:
            stop = self._stored_offset(gap.start)
            parts += [stored[start:stop], part]
            start = stop
        return FileLayout((*parts, stored[start:]))

    def _stored_offset(self, position: int) -> int:
        return position - sum(len(gap) for gap, _ in self._gaps if gap.stop <= position and len(gap))


def _entry(name: str) -> ZipInfo:
    """Return a ZIP entry that everyone may read once unpacked, dated 1980 (ZIP's first year)."""
    entry = ZipInfo(name)
    entry.external_attr = 0o100644 << 16
    return entry

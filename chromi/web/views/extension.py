"""The background as a browser extension that draws it on every new tab."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from flask import Blueprint, Flask, Response, render_template
from PIL import Image, ImageOps

from chromi.config import VERSION
from chromi.encoder import read_first_frame
from chromi.errors import Gone
from chromi.web.http.file_response import TrackedFile, Wrapping, send_tracked_file
from chromi.web.http.translation import language_tag
from chromi.web.services import services
from chromi.web.views.result_images import find_own_link

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

bp = Blueprint("extension", __name__)

DOWNLOAD_NAME = "chromi_new_tab.zip"
STATIC = Path(__file__).parents[2] / "static" / "extension"
ICON_PX = 128

_wrappings: WeakValueDictionary[tuple[str, str], Wrapping] = WeakValueDictionary()
"""Those of downloads under way, by job and language: who stalls many holds one."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/download/<token>/extension.zip")
def download(token: str) -> Response:
    """The extension as a ZIP, for the page of the result only; it counts as no download."""
    link = find_own_link(token)
    gif_path = services().storage.result_path(link.job_id)
    wrapping = _find_wrapping(link.job_id, gif_path)
    response = send_tracked_file(TrackedFile(gif_path, wrapping), "application/zip", etag=_etag(wrapping))
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _find_wrapping(job_id: str, gif_path: Path) -> Wrapping:
    """Give what makes a ZIP of a result: that of a download under way, or else a new one. Raises Gone."""
    key = (job_id, language_tag())
    wrapping = _wrappings.get(key)
    if wrapping is None:
        try:
            wrapping = _wrappings[key] = wrap_as_extension(gif_path)
        except FileNotFoundError as error:
            raise Gone from error
    return wrapping


def wrap_as_extension(gif_path: Path) -> Wrapping:
    """Make the unpacked extension's ZIP but for the GIF itself, the same bytes each time.

    Raises FileNotFoundError.
    """
    outline = _Outline()
    with gif_path.open("rb") as source, ZipFile(outline, "w") as archive:
        for name, content in _small_files(read_first_frame(gif_path)):
            archive.writestr(_entry(name), content, ZIP_DEFLATED)
        gif = _entry("background.gif")
        gif.compress_type = ZIP_STORED  # a GIF is compressed already
        with archive.open(gif, "w") as copy:
            outline.leave_out(os.fstat(source.fileno()).st_size)
            shutil.copyfileobj(source, copy, 1024**2)
    return outline.wrapping()


class _Outline(io.BytesIO):
    """Takes a ZIP as it is written, and keeps all of it but a gap: what lies on disk already."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0
        self._gap = range(0)

    def leave_out(self, size_bytes: int) -> None:
        """Keep nothing of the next so many bytes."""
        self._gap = range(self._position, self._position + size_bytes)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset
        return offset

    def write(self, data: ReadableBuffer) -> int:
        size = len(memoryview(data))
        if self._position not in self._gap:
            is_behind = self._position >= self._gap.stop
            super().seek(self._position - len(self._gap) * is_behind)
            super().write(data)
        self._position += size
        return size

    def wrapping(self) -> Wrapping:
        kept = self.getvalue()
        return Wrapping(kept[: self._gap.start], kept[self._gap.start :])


def _small_files(still: bytes) -> Iterator[tuple[str, str | bytes]]:
    """Yield name and content; `still` is the first picture, for the icon and for whoever wants no motion."""
    for name in ("manifest.json", "newtab.html"):
        yield name, render_template(f"extension/{name}", version=VERSION)
    for name in ("newtab.css", "newtab.js"):
        yield name, (STATIC / name).read_bytes()
    yield "still.jpg", still
    yield "icon.png", _draw_icon(still)


def _draw_icon(still: bytes) -> bytes:
    """Return the picture's middle as a small square PNG."""
    icon = io.BytesIO()
    with Image.open(io.BytesIO(still), formats=["JPEG"]) as image:
        ImageOps.fit(image, (ICON_PX, ICON_PX)).save(icon, "PNG")
    return icon.getvalue()


def _entry(name: str) -> ZipInfo:
    """Name a file that everybody may read once it is unpacked; its date is ZIP's first, 1980."""
    entry = ZipInfo(name)
    entry.external_attr = 0o100644 << 16
    return entry


def _etag(wrapping: Wrapping) -> str:
    """The same as long as the ZIP's bytes are: the GIF's checksum stands in what is around it."""
    return hashlib.sha256(wrapping.before + wrapping.after).hexdigest()[:32]

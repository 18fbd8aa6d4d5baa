"""The background as a browser extension that draws it on every new tab."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from flask import Blueprint, Flask, Response, render_template
from PIL import Image, ImageOps

from chromi.config import VERSION
from chromi.encoder import read_first_frame
from chromi.encoder.errors import DiskFull
from chromi.errors import Gone
from chromi.models import Link
from chromi.storage import new_id
from chromi.web.delivery import DeliveredFile, deliver_file
from chromi.web.result import find_own_link
from chromi.web.services import services

bp = Blueprint("extension", __name__)

DOWNLOAD_NAME = "chromi_new_tab.zip"
STATIC = Path(__file__).parent.parent / "static" / "extension"
ICON_PX = 128


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/download/<token>/extension.zip")
def download(token: str) -> Response:
    """The extension as a ZIP, for the page of the result only; it counts as no download."""
    link = find_own_link(token)
    response = deliver_file(_open_zip(link), "application/zip", etag=_etag(link))
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _open_zip(link: Link) -> DeliveredFile:
    """Make the ZIP and open it; it has no name any more, so it goes when it has been sent."""
    storage = services().storage
    if storage.is_short_of_space():
        raise DiskFull
    zip_path = storage.work_path(new_id())
    try:
        write_extension(zip_path, storage.result_path(link.job_id))
        return DeliveredFile(zip_path)
    except FileNotFoundError as error:
        raise Gone from error
    finally:
        zip_path.unlink(missing_ok=True)


def write_extension(zip_path: Path, gif_path: Path) -> None:
    """Write the unpacked extension's files into a ZIP, the same bytes each time. Raises FileNotFoundError."""
    with ZipFile(zip_path, "x") as archive:
        for name, content in _small_files(read_first_frame(gif_path)):
            archive.writestr(_entry(name), content, ZIP_DEFLATED)
        gif = _entry("background.gif")
        gif.compress_type = ZIP_STORED  # a GIF is compressed already
        with gif_path.open("rb") as source, archive.open(gif, "w") as copy:
            shutil.copyfileobj(source, copy, 1024**2)


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


def _etag(link: Link) -> str:
    """The same as long as the ZIP's bytes are."""
    return hashlib.sha256(f"{link.id} extension {VERSION}".encode()).hexdigest()[:32]

"""Build the ZIP of the browser extension around a GIF without copying the GIF."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from flask import render_template
from PIL import Image, ImageOps

from chromi.config import VERSION
from chromi.encoder import first_frame_jpeg
from chromi.web.http.file_response import FileLayout
from chromi.web.zip_layout import ZipBuilder

STATIC = Path(__file__).parents[1] / "static" / "extension"
ICON_PX = 128


def build_extension(gif_path: Path) -> FileLayout:
    """Return the layout of the extension's ZIP. Raises FileNotFoundError."""
    builder = ZipBuilder()
    for name, content in _small_files(first_frame_jpeg(gif_path)):
        builder.add(name, content)
    builder.add_file("background.gif", gif_path)
    return builder.finish()


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

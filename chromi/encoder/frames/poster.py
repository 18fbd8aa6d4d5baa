"""Write the poster: the GIF's first frame as a full-color PNG or JPEG."""

import secrets
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from chromi.encoder.frames.color_filters import bt709_scale_options
from chromi.encoder.gif.validate import publish
from chromi.encoder.process.ffmpeg import QUIET, run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.errors import BadOptions

POSTER_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Pillow's name for the image format, keyed by file name suffix."""

POSTER_TIMEOUT_S = 20.0
MAX_POSTER_BYTES = 32 * 1024**2
JPEG_QUALITY = 90


class Poster:
    """A poster that is rendered to a temporary file and published to `path` together with its GIF.

    If `path` is None, all methods do nothing. Raises BadOptions if the suffix of `path` is not supported.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path:
            self._format = _format_of(path)
            self._partial = path.with_name(f".chromi-{secrets.token_hex(8)}.partial")

    def render(self, frames_path: Path) -> None:
        """Render the first extracted frame to the temporary file. Raises TimedOut and EncodeError."""
        if not self._path:
            return
        if self._format == "PNG":
            _write_first_frame(frames_path, self._partial, codec="png")
            return
        _write_first_frame(frames_path, self._partial, codec="bmp")  # uncompressed: read back immediately
        with Image.open(self._partial, formats=["BMP"]) as image:
            image.load()
        image.save(self._partial, self._format, quality=JPEG_QUALITY)

    def publish(self, *, on_tick: Callable[[], None]) -> None:
        """Move the rendered poster to its path."""
        if self._path:
            publish(self._partial, self._path, on_tick=on_tick)

    def discard(self) -> None:
        """Remove the temporary file if it was not published."""
        if self._path:
            self._partial.unlink(missing_ok=True)


def _format_of(path: Path) -> str:
    image_format = POSTER_FORMATS.get(path.suffix.lower())
    if not image_format:
        raise BadOptions(f"The poster's file name must end in .png, .jpg or .jpeg: {path.name}")
    return image_format


def _write_first_frame(frames_path: Path, path: Path, *, codec: str) -> None:
    to_rgb = f"scale={bt709_scale_options('bicubic')},format=rgb24"
    run_ffmpeg(
        [
            *(*QUIET, "-i", str(frames_path), "-map_metadata", "-1", "-frames:v", "1", "-vf", to_rgb),
            *("-c:v", codec, "-f", "image2", "-update", "1", "-y", str(path)),
        ],
        limits=ProcessLimits(POSTER_TIMEOUT_S, MAX_POSTER_BYTES),
        reads=(frames_path,),
        writes=(path,),
    ).check()

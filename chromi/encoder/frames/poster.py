"""A still picture of the result: its first frame in full color."""

import secrets
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from chromi.encoder.frames.color import from_bt709
from chromi.encoder.gif.validate import publish
from chromi.encoder.process.ffmpeg import QUIET, run
from chromi.encoder.process.subprocess_runner import Limits
from chromi.errors import BadOptions

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Pillow's name of the kind of picture by the file's suffix."""

POSTER_TIMEOUT_S = 20.0
MAX_POSTER_BYTES = 32 * 1024**2
JPEG_QUALITY = 90


class Poster:
    """A still that is drawn beside its place and appears there when its GIF does; None is none at all.

    Raises BadOptions if the suffix of `path` names no kind of picture.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path:
            self._kind = _kind_of(path)
            self._partial = path.with_name(f".chromi-{secrets.token_hex(8)}.partial")

    def draw(self, frames_path: Path) -> None:
        """Raises TimedOut and EncodeError."""
        if self._path:
            if self._kind == "PNG":
                _draw(frames_path, self._partial, codec="png")
                return
            _draw(frames_path, self._partial, codec="bmp")  # nothing is packed only to be unpacked
            with Image.open(self._partial, formats=["BMP"]) as image:
                image.load()
            image.save(self._partial, self._kind, quality=JPEG_QUALITY)

    def publish(self, *, on_tick: Callable[[], None]) -> None:
        if self._path:
            publish(self._partial, self._path, on_tick=on_tick)

    def discard(self) -> None:
        """Leave nothing behind of what was not published."""
        if self._path:
            self._partial.unlink(missing_ok=True)


def _kind_of(path: Path) -> str:
    kind = KINDS.get(path.suffix.lower())
    if not kind:
        raise BadOptions(f"The poster's name must end in .png, .jpg or .jpeg, not as {path.name} does.")
    return kind


def _draw(frames_path: Path, path: Path, *, codec: str) -> None:
    to_rgb = f"scale={from_bt709('bicubic')},format=rgb24"
    run(
        [
            *(*QUIET, "-i", str(frames_path), "-map_metadata", "-1", "-frames:v", "1", "-vf", to_rgb),
            *("-c:v", codec, "-f", "image2", "-update", "1", "-y", str(path)),
        ],
        limits=Limits(POSTER_TIMEOUT_S, MAX_POSTER_BYTES),
        reads=(frames_path,),
        writes=(path,),
    ).check()

"""Detect a file's container from its first bytes."""

from pathlib import Path

from chromi.errors import NotAVideo
from chromi.i18n import Message

MOV, MATROSKA, GIF = "mov", "matroska", "gif"

_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
_MOV_BOX_TYPES = frozenset(
    (
        *(b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"),
        *(b"pnot", b"udta", b"uuid", b"styp", b"sidx", b"moof"),
    )
)
"""Box types that can appear at the start of an ISO BMFF or QuickTime file."""


def detect_container(path: Path) -> str:
    """Return MOV, MATROSKA or GIF. Playlists and text files are rejected before ffmpeg can open them.

    Raises NotAVideo for all other files.
    """
    with path.open("rb") as file:
        start = file.read(12)
    if not start:
        raise NotAVideo(Message("This file is empty."))
    if start[:6] in _GIF_SIGNATURES:
        return GIF
    if start[:4] == _EBML_MAGIC:
        return MATROSKA
    if start[4:8] in _MOV_BOX_TYPES:
        return MOV
    raise NotAVideo(detail=f"starts with {start!r}")

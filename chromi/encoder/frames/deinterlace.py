"""Find out whether frames are really interlaced; their own mark is often wrong, or missing."""

import re
import secrets
from pathlib import Path

from chromi.encoder.process.ffmpeg import run, untrusted_input
from chromi.encoder.process.subprocess_runner import Limits
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

IDET_TIMEOUT_S = 20.0

_FRAMES = 40
_MIN_COMBED = 4
"""Frames that must be seen to be combed: fewer are a picture whose own stripes look like fields."""

_UNMARKED_HEIGHTS_PX = (480, 486, 576)
"""Standard-definition video, whose mark was often lost on the way. Taller video is taken at its word."""


def may_be_unmarked(info: VideoInfo) -> bool:
    """True if frames of this size may be interlaced although they are not marked."""
    return info.height_px in _UNMARKED_HEIGHTS_PX and info.is_yuv


def find_deinterlacer(source: Path, info: VideoInfo, entry_s: float | None, *, marked: bool) -> list[str]:
    """Look for combs in the frames after `entry_s`; return the filters that remove them, or none.

    Only frames that are marked as interlaced are looked at and treated if `marked`, else all. Raises TimedOut
    and FfmpegMissing; a part that cannot be decoded counts as progressive.
    """
    name = f"idet@{secrets.token_hex(8)}"
    counts = {"TFF": 0, "BFF": 0, "Progressive": 0}

    def read(line: str) -> None:
        if line.startswith(f"[{name} @ 0x") and "Multi frame detection" in line:
            counts.update(
                {kind: int(n) for kind, n in re.findall(r"(TFF|BFF|Progressive): *(\d{1,9})", line)}
            )

    select = "select='not(eq(interlace_type,PROGRESSIVE))'," if marked else ""
    filters = f"{select}trim=end_frame={_FRAMES},{name}"
    with source.open("rb") as clip:
        run(
            [
                *untrusted_input(clip.fileno(), threads=1, before=seek_options(info, entry_s)),
                *("-map", f"0:{info.stream}", "-vf", filters, "-f", "null", "-"),
            ],
            limits=Limits(IDET_TIMEOUT_S, 0),
            descriptors=(clip.fileno(),),
            on_log=read,
        )
    top, bottom = counts["TFF"], counts["BFF"]
    if max(top, bottom) < max(_MIN_COMBED, counts["Progressive"]):
        return []
    order = "tff" if top >= bottom else "bff"
    return [f"bwdif=mode=send_frame:parity={order}:deint={'interlaced' if marked else 'all'}"]

"""Detect interlaced frames from their content, because the stream's own flag is often wrong or missing."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path

from chromi.encoder.process.ffmpeg import run_ffmpeg, untrusted_input
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

IDET_TIMEOUT_S = 20.0

_MAX_READ_S = 20
"""The longest window: ten seconds at twice the speed. Otherwise, the whole rest of a clip with few interlaced
frames would be decoded."""
_FRAMES = 40
_MIN_INTERLACED_FRAMES = 4
"""With fewer such frames, they may be progressive frames with stripes that resemble fields."""

_UNFLAGGED_HEIGHTS_PX = (480, 486, 576)
"""Heights of standard-definition video, which often lost its flag when copied.

The flag of taller video is trusted.
"""


def may_be_unflagged(info: VideoInfo) -> bool:
    """Return whether frames of this size may be interlaced without being flagged."""
    return info.height_px in _UNFLAGGED_HEIGHTS_PX and info.is_yuv


def choose_deinterlacer(
    source: Path, info: VideoInfo, seek_s: float | None, *, flagged: bool, on_tick: Callable[[], None]
) -> list[str]:
    """Run `idet` on the frames after `seek_s` and return the deinterlacing filter, or an empty list.

    With `flagged`, only frames flagged as interlaced are analyzed and deinterlaced; otherwise, all frames
    are. Undecodable frames count as progressive. `on_tick` is called ten times a second. Raises TimedOut and
    FfmpegMissing.
    """
    idet = _IdetLog()
    select = "select='not(eq(interlace_type,PROGRESSIVE))'," if flagged else ""
    filters = f"trim=duration={_MAX_READ_S},{select}trim=end_frame={_FRAMES},{idet.name}"
    with source.open("rb") as clip:
        run_ffmpeg(
            [
                *untrusted_input(clip.fileno(), threads=1, before=seek_options(info, seek_s)),
                *("-map", f"0:{info.stream}", "-vf", filters, "-f", "null", "-"),
            ],
            limits=ProcessLimits(IDET_TIMEOUT_S, 0),
            descriptors=(clip.fileno(),),
            on_log=idet.read,
            on_tick=on_tick,
        )
    if not idet.parity:
        return []
    return [f"bwdif=mode=send_frame:parity={idet.parity}:deint={'interlaced' if flagged else 'all'}"]


class _IdetLog:
    """Reads the frame counts logged by the `idet` filter instance `name`."""

    _COUNT = re.compile(r"(TFF|BFF|Progressive): *(\d{1,9})")

    def __init__(self) -> None:
        self.name = f"idet@{secrets.token_hex(8)}"
        self._counts = {"TFF": 0, "BFF": 0, "Progressive": 0}

    def read(self, line: str) -> None:
        """Read a line of ffmpeg's log."""
        if line.startswith(f"[{self.name} @ 0x") and "Multi frame detection" in line:
            self._counts.update({name: int(count) for name, count in self._COUNT.findall(line)})

    @property
    def parity(self) -> str | None:
        """The field order of interlaced frames, "tff" or "bff"; None if the frames are progressive."""
        top_first, bottom_first = self._counts["TFF"], self._counts["BFF"]
        if max(top_first, bottom_first) < max(_MIN_INTERLACED_FRAMES, self._counts["Progressive"]):
            return None
        return "tff" if top_first >= bottom_first else "bff"

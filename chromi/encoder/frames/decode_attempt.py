"""One run of ffmpeg that decodes a clip's window, and what its log says about the frames."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chromi.encoder.source.ffmpeg_log import FrameLog
from chromi.encoder.source.probe import describe_part
from chromi.encoder.source.video_info import VideoInfo

TIMESTAMP_PRECISION_S = 0.001
"""Matroska's timestamps are whole milliseconds."""


class StreamChanged(Exception):
    """Raised when the frames' size, format, rotation or range changes within the window."""


class OtherFormat(Exception):
    """Raised when the window's first frame differs from the clip's first frame."""


class LateStart(Exception):
    """Raised when the first decoded frame is later than the window's start."""


class Interlaced(Exception):
    """Raised when a frame is flagged as interlaced."""


@dataclass(frozen=True)
class DecodeAttempt:
    """The settings and logs of one decoding run. A failed run is retried with other settings.

    `info` describes the first frame of the run. `seek_s` is where reading begins, or None to read from the
    beginning of the file. `shown_from_s` is None unless the stream changes; then all frames from this time on
    are stored. `deinterlacer` is None until a frame is flagged as interlaced. `log` records the clip's
    frames, and `shown_log` the frames that were written.
    """

    info: VideoInfo
    start_s: float
    seek_s: float | None
    shown_from_s: float | None = None
    deinterlacer: Sequence[str] | None = None
    log: FrameLog = field(init=False, default_factory=FrameLog)
    shown_log: FrameLog = field(init=False, default_factory=FrameLog)

    def read_log(self, line: str) -> bool:
        """Read a line of ffmpeg's log and return whether it describes a frame.

        Raises StreamChanged, Interlaced, LateStart and OtherFormat if the run needs other settings.
        """
        if self.reads_every_frame and self.shown_log.read(line):
            return True
        if not self.log.read(line):
            return False
        if self.log.configurations > 1 and not self.reads_every_frame:
            raise StreamChanged
        if self.log.has_interlaced and self.deinterlacer is None:
            raise Interlaced
        is_first = len(self.log.times_s) == 1
        if (
            is_first
            and self.seek_s is not None
            and self.log.times_s[0] > self.start_s + TIMESTAMP_PRECISION_S
        ):
            raise LateStart
        if is_first and self.log.first.is_complete and self.described != self.info:
            raise OtherFormat
        return True

    @property
    def reads_every_frame(self) -> bool:
        return self.shown_from_s is not None

    @property
    def described(self) -> VideoInfo:
        """The properties of the part of the clip that was read."""
        return describe_part(self.info, self.log.first)

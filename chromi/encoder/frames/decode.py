"""Decode the window of a clip: each frame at its own time, whatever the file's index and stream do."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path

from chromi.encoder.encoder_errors import FrozenVideo, NoFrames
from chromi.encoder.frames.color import write_lut
from chromi.encoder.frames.deinterlace import find_deinterlacer, may_be_unmarked
from chromi.encoder.frames.filtergraph import build_filtergraph
from chromi.encoder.frames.frame_order import frames_to_read, read_from_s
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.pixel_art import is_pixel_art
from chromi.encoder.frames.reorder import IN_TIME
from chromi.encoder.frames.thumbnails import STRIP_GRAPH, STRIP_OUTPUTS
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import QUIET, REPORT_FRAMES, run, untrusted_input
from chromi.encoder.source.ffmpeg_log import FrameLog, PacketListing
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

MAX_GAP_S = 1.0
"""Where no frame was decoded for longer, the packets tell whether the source really stands still."""

FLICKS = 705_600_000
"""A part of a second that every usual frame rate is a multiple of: at another speed no time gets rounded."""

_EARLIER_S = 10.0
"""How much earlier reading begins when the first frame decoded lies after the window's start."""
_LATE_S = 0.001  # time stamps of Matroska are whole milliseconds
_ON_SCREEN_S = 20.0  # a frame may have been on screen that long at the start of a stream that changes
_MOST_FPS = 64  # of a stream that changes, all frames are kept up to this rate
_LOST_PACKETS = 3  # a frame that is never shown (VP8's alternate reference) may be one or two


class _StreamChanged(Exception):
    """The picture's size, format, rotation or range is another from here on."""


class _LateStart(Exception):
    """The first frame that was decoded lies after the window's start."""


class _Interlaced(Exception):
    """A frame is marked as interlaced."""


@dataclass(frozen=True)
class DecodedFrames:
    """A file of frames, and which of its frames is on screen at each 24th of a second of the window."""

    path: Path
    stored: Sequence[int]


@dataclass
class _Attempt:
    """One way to decode the window; what turns out to be wrong with it makes the next."""

    start_s: float
    entry_s: float | None  # where reading begins; None is the beginning of the file
    every_frame: bool = False
    deinterlacer: Sequence[str] | None = None  # None until a frame is marked as interlaced
    log: FrameLog = field(default_factory=FrameLog)
    shown: FrameLog = field(default_factory=FrameLog)

    def read_log(self, line: str) -> bool:
        if self.every_frame and self.shown.read(line):
            return True
        if not self.log.read(line):
            return False
        if self.log.configurations > 1 and not self.every_frame:
            raise _StreamChanged
        if self.log.has_interlaced and self.deinterlacer is None:
            raise _Interlaced
        is_first = len(self.log.times_s) == 1
        if is_first and self.entry_s is not None and self.log.times_s[0] > self.start_s + _LATE_S:
            raise _LateStart
        return True


class Decoder:
    """Reads the window of `source` that `options` needs into files of frames.

    `folder` gets what is needed on the way.
    """

    def __init__(
        self, source: Path, info: VideoInfo, options: ConversionOptions, folder: Path, writer: FrameWriter
    ) -> None:
        self._source, self._info, self._recipe, self._writer = source, info, options, writer
        self._read_path = folder / "read.avi"
        self._lut_path = write_lut(info, folder)
        self._pixelated = is_pixel_art(source, info, options, folder)
        last_frame_s = max(0.0, info.duration_s - options.speed / options.fps)
        wanted_s = min(read_from_s(options), last_frame_s)
        self._start_s = info.first_frame_s + wanted_s
        self._entries_s = self._entries(wanted_s)

    def read(self, nut_path: Path | None) -> DecodedFrames:
        """Write the window's frames, with their strip, to `nut_path`; for None to an AVI in the folder.

        A stream that changes in mid-clip is always written to the AVI, as only that can be put into order.
        Raises NoFrames, FrozenVideo, TimedOut and EncodeError.
        """
        attempt = _Attempt(self._start_s, next(self._entries_s), deinterlacer=self._find_unmarked())
        while True:
            path = self._read_path if attempt.every_frame else nut_path or self._read_path
            try:
                count = self._run(attempt, path)
                self._check_moving(attempt.log)
            except _StreamChanged:
                attempt = _Attempt(self._start_s, attempt.entry_s, True, attempt.deinterlacer)
            except _Interlaced:
                found_s = float(attempt.log.times_s[-1]) if attempt.entry_s is not None else None
                deinterlacer = find_deinterlacer(self._source, self._info, found_s, marked=True)
                attempt = _Attempt(self._start_s, attempt.entry_s, attempt.every_frame, deinterlacer)
            except (_LateStart, NoFrames, FrozenVideo):
                if attempt.entry_s is None:
                    raise
                entry_s = next(self._entries_s)
                attempt = _Attempt(self._start_s, entry_s, attempt.every_frame, attempt.deinterlacer)
            else:
                stored = self._on_screen(attempt.shown) if attempt.every_frame else range(count)
                return DecodedFrames(path, stored)

    def _entries(self, wanted_s: float) -> Iterator[float | None]:
        """Yield where reading may begin: at the key frame before the start, well before it, at the beginning.

        Seeking lands wrong, or on frames that cannot be decoded, where an index is missing or edit lists cut
        the clip, and where pictures refresh bit by bit instead of at key frames.
        """
        if wanted_s > 0:
            yield self._start_s
        if wanted_s > 2 * _EARLIER_S:
            yield self._start_s - _EARLIER_S
        yield None

    def _find_unmarked(self) -> Sequence[str] | None:
        """Return what removes combs of frames that are not marked as interlaced; None if none are seen."""
        if not may_be_unmarked(self._info):
            return None
        return find_deinterlacer(self._source, self._info, self._start_s, marked=False) or None

    def _run(self, attempt: _Attempt, path: Path) -> int:
        """Write the frames; return how many there are."""
        take = [attempt.log.filter, *(attempt.deinterlacer or ())]
        take += self._select_frames() if attempt.every_frame else self._take_frames()
        graph = build_filtergraph(
            self._info,
            self._recipe,
            take,
            lut_path=self._lut_path,
            pixelated=self._pixelated,
            changes=attempt.every_frame,
        )
        outputs = ("-map", "[pictures]", *self._writer.lossless)
        if attempt.every_frame:
            graph = f"{graph};[pictures]{attempt.shown.filter}[shown]"
            outputs = ("-map", "[shown]", *self._writer.lossless, "-bsf:v", IN_TIME)
        elif path.suffix == ".nut":
            graph = f"{graph};[pictures]split[kept][small];[small]{STRIP_GRAPH}"
            outputs = ("-map", "[kept]", *self._writer.lossless, *STRIP_OUTPUTS)
        with self._source.open("rb") as clip:
            return self._writer.write(
                [
                    *untrusted_input(
                        clip.fileno(),
                        threads=self._writer.threads,
                        before=seek_options(self._info, attempt.entry_s),
                    ),
                    *("-filter_complex_threads", str(self._writer.threads), "-filter_complex", graph),
                    *(*outputs, "-map_metadata", "-1", *REPORT_FRAMES),
                    *("-f", path.suffix.removeprefix("."), "-y", str(path)),
                ],
                reads=(self._lut_path,) if self._lut_path else (),
                writes=(path,),
                descriptors=(clip.fileno(),),
                on_log=attempt.read_log,
            )

    def _take_frames(self) -> list[str]:
        """Take 24 frames a second by the clip's clock, which runs at the recipe's speed.

        The count is bounded before anything else: two frames an hour apart are 86,400 at 24 fps. `fps` holds
        the frame that is on screen at the start, so that a slide shown long before still shows.
        """
        options = self._recipe
        clock = [] if options.speed == 1 else [f"settb=1/{FLICKS}", f"setpts=PTS/{options.speed}"]
        return [
            *clock,
            f"fps={options.fps}:start_time={self._start_s / options.speed:.6f}",
            f"trim=end_frame={frames_to_read(options)}",
            "setpts=PTS-STARTPTS",
        ]

    def _select_frames(self) -> list[str]:
        """Take all frames of the window, to choose from them by their times.

        ffmpeg sets up its filters again at each change of the stream, and `fps` would lose the frame that it
        holds. So no filter may remember anything here.
        """
        since = f"gte(t,{self._start_s - _ON_SCREEN_S:.6f})"
        apart = f"(isnan(prev_selected_t)+gte(t-prev_selected_t,{self._recipe.speed / _MOST_FPS:.6f}))"
        return [f"select='{since}*{apart}'", f"trim=end={self._end_s:.6f}"]

    @property
    def _end_s(self) -> float:
        return self._start_s + frames_to_read(self._recipe) * self._recipe.speed / self._recipe.fps

    @property
    def _clip_end_s(self) -> float:
        return self._info.first_frame_s + self._info.duration_s

    def _on_screen(self, shown: FrameLog) -> list[int]:
        """Return the number of the frame that is on screen at each 24th of a second, as `fps` takes them."""

        def slot(time_s: Fraction) -> int:
            return floor((time_s - Fraction(self._start_s)) * rate + Fraction(1, 2))

        rate = Fraction(self._recipe.fps) / Fraction(str(self._recipe.speed))
        slots = [slot(time_s) for time_s in shown.times_s]
        count = min(frames_to_read(self._recipe), max(1, slot(Fraction(self._clip_end_s))))
        return [max(0, bisect_right(slots, number) - 1) for number in range(count)]

    def _check_moving(self, log: FrameLog) -> None:
        """Raise FrozenVideo if the source goes on where no frame could be decoded for MAX_GAP_S or more."""
        end_s = min(self._end_s, self._clip_end_s)
        times_s = sorted({*(float(time_s) for time_s in log.times_s if time_s < end_s), end_s})
        for before_s, after_s in pairwise(times_s):
            if after_s - before_s > MAX_GAP_S and after_s > self._start_s:
                lost = self._count_packets(before_s, after_s)
                if lost >= _LOST_PACKETS:
                    raise FrozenVideo(detail=f"{lost} packets from {before_s} to {after_s} s gave no frame")

    def _count_packets(self, after_s: float, before_s: float) -> int:
        """Return how many packets lie between two decoded frames, without those right beside either."""
        packets = PacketListing()
        with self._source.open("rb") as clip:
            run(
                [
                    *QUIET,
                    *untrusted_input(clip.fileno(), threads=1, before=seek_options(self._info, after_s)),
                    *("-map", f"0:{self._info.stream}", "-c", "copy", "-to", f"{before_s:.6f}"),
                    *("-f", "framecrc", "pipe:1"),
                ],
                limits=self._writer.limits,
                descriptors=(clip.fileno(),),
                on_output=packets.read,
            )
        margin_s = 0.1
        return sum(after_s + margin_s < time_s < before_s - margin_s for time_s in packets.times_s)

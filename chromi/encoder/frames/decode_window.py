"""Decode the clip's window, keeping each frame at its own time even if the index or stream is irregular."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import floor
from pathlib import Path

from chromi.encoder.encoder_errors import FrozenVideo, NoFrames
from chromi.encoder.frames.black_bars import BarSampler, Content
from chromi.encoder.frames.color_filters import write_lut
from chromi.encoder.frames.decode_attempt import (
    TIMESTAMP_PRECISION_S,
    DecodeAttempt,
    Interlaced,
    LateStart,
    OtherFormat,
    StreamChanged,
)
from chromi.encoder.frames.decode_gaps import check_for_gaps
from chromi.encoder.frames.deinterlacing import choose_deinterlacer, may_be_unflagged
from chromi.encoder.frames.filtergraph import build_filtergraph
from chromi.encoder.frames.frame_order import frames_to_read, read_from_s
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.pixel_art_detection import is_pixel_art
from chromi.encoder.frames.resampling import resample
from chromi.encoder.frames.thumbnails import THUMBNAIL_FILTERS, THUMBNAIL_OUTPUTS
from chromi.encoder.frames.write_in_order import SET_TIMESTAMPS
from chromi.encoder.options import ConversionOptions, CropBars
from chromi.encoder.process.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.source.ffmpeg_log import FrameLog
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

FLICKS_PER_S = 705_600_000
"""A time base divisible by every common frame rate, so a change of speed never rounds a timestamp."""

_EARLIER_SEEK_S = 10.0
"""How far before the window the second seek goes if the first seek lands after the window's start."""
_MAX_STILL_S = 20.0  # in a changing stream, a frame this old may still be on screen at the window's start
MAX_READ_FPS = 64
"""In a changing stream, every frame is read up to this frame rate."""


@dataclass(frozen=True)
class DecodedFrames:
    """A file of frames. `stored` lists the number of the frame on screen at each 1/24 s of the window."""

    path: Path
    stored: Sequence[int]


class WindowDecoder:
    """Decodes the part of `source` that `options` requires into a file of frames.

    Temporary files are written to `folder`.
    """

    def __init__(
        self, source: Path, info: VideoInfo, options: ConversionOptions, folder: Path, writer: FrameWriter
    ) -> None:
        self._source, self._info, self._options, self._writer = source, info, options, writer
        self._folder = folder
        self._unordered_path = folder / "unordered.avi"
        last_frame_s = max(0.0, info.duration_s - options.speed / options.fps)
        offset_s = min(read_from_s(options), last_frame_s)
        self._start_s = info.first_frame_s + offset_s
        self._end_s = self._start_s + frames_to_read(options) * options.speed / options.fps
        self._clip_end_s = info.first_frame_s + info.duration_s
        self._seek_points_s = self._list_seek_points(offset_s)

    def find_content(self) -> Content | None:
        """Return the content within certain black bars, as in the first attempt of `decode`."""
        return self._find_content(next(self._seek_points_s))

    def _find_content(self, seek_s: float | None) -> Content | None:
        if self._options.crop_bars is CropBars.OFF:
            return None
        window_s = self._end_s - self._start_s
        sampler = BarSampler(self._source, self._info, self._folder, self._writer)
        return sampler.find_content(self._start_s, window_s, seek_s)

    @cached_property
    def _lut_path(self) -> Path | None:
        return write_lut(self._info, self._folder)

    @cached_property
    def _pixelated(self) -> bool:
        return is_pixel_art(self._source, self._info, self._options, self._folder, self._writer.tick)

    def decode(self, nut_path: Path | None) -> DecodedFrames:
        """Write the window's frames and thumbnails to `nut_path`, or only the frames to an AVI if it is None.

        If the stream changes within the window, its frames always go to the AVI, because their order is only
        known afterward. Raises NoFrames, FrozenVideo, TimedOut and EncodeError.
        """
        attempt = DecodeAttempt(
            self._info,
            self._start_s,
            next(self._seek_points_s),
            deinterlacer=self._detect_unflagged_interlacing(),
        )
        while True:
            path = self._unordered_path if attempt.reads_every_frame else nut_path or self._unordered_path
            try:
                count = self._run(attempt, path)
                self._check_for_gaps(attempt.log)
            except StreamChanged:
                attempt = replace(attempt, shown_from_s=self._find_shown_from_s(attempt.log))
            except OtherFormat:
                self._info = attempt.described
                attempt = replace(attempt, info=self._info)
            except Interlaced:
                attempt = replace(attempt, deinterlacer=self._choose_deinterlacer(attempt))
            except (LateStart, NoFrames, FrozenVideo):
                if attempt.seek_s is None:
                    raise
                attempt = replace(attempt, seek_s=next(self._seek_points_s))
            else:
                is_every_frame = attempt.reads_every_frame
                stored = self._frames_on_screen(attempt.shown_log) if is_every_frame else range(count)
                return DecodedFrames(path, stored)

    def _list_seek_points(self, offset_s: float) -> Iterator[float | None]:
        """Yield positions to read from: the key frame before the start, well before it, and the file's start.

        Seeking lands in the wrong place or on undecodable frames if the index is missing, if edit lists cut
        the clip, or if the stream uses intra refresh instead of key frames.
        """
        if offset_s > 0:
            yield self._start_s
        if offset_s > 2 * _EARLIER_SEEK_S:
            yield self._start_s - _EARLIER_SEEK_S
        yield None

    def _detect_unflagged_interlacing(self) -> Sequence[str] | None:
        """Return the deinterlacer if frames are interlaced but not flagged, or None otherwise."""
        if not may_be_unflagged(self._info):
            return None
        return self._run_idet(self._start_s, flagged=False) or None

    def _choose_deinterlacer(self, attempt: DecodeAttempt) -> Sequence[str]:
        """Return the deinterlacer for a clip whose latest frame is flagged as interlaced."""
        seek_s = float(attempt.log.times_s[-1]) if attempt.seek_s is not None else None
        return self._run_idet(seek_s, flagged=True)

    def _run_idet(self, seek_s: float | None, *, flagged: bool) -> list[str]:
        return choose_deinterlacer(
            self._source, self._info, seek_s, flagged=flagged, on_tick=self._writer.tick
        )

    def _run(self, attempt: DecodeAttempt, path: Path) -> int:
        """Run ffmpeg once and return the number of frames written to `path`."""
        graph, outputs = self._build_graph(attempt, has_thumbnails=path.suffix == ".nut")
        threads = self._writer.threads
        with self._source.open("rb") as clip:
            return self._writer.write(
                [
                    *untrusted_input(
                        clip.fileno(), threads=threads, before=seek_options(self._info, attempt.seek_s)
                    ),
                    *("-filter_complex_threads", str(threads), "-filter_complex", graph),
                    *(*outputs, "-map_metadata", "-1", *REPORT_FRAMES),
                    *("-f", path.suffix.removeprefix("."), "-y", str(path)),
                ],
                reads=(self._lut_path,) if self._lut_path else (),
                writes=(path,),
                descriptors=(clip.fileno(),),
                on_log=attempt.read_log,
            )

    def _build_graph(self, attempt: DecodeAttempt, *, has_thumbnails: bool) -> tuple[str, Sequence[str]]:
        """Return the filtergraph and the output options."""
        shown_from_s = attempt.shown_from_s
        select = self._resample_frames() if shown_from_s is None else self._select_every_frame(shown_from_s)
        graph = build_filtergraph(
            self._info,
            self._options,
            [attempt.log.filter, *(attempt.deinterlacer or ()), *select],
            lut_path=self._lut_path,
            pixelated=self._pixelated,
            content=None if attempt.reads_every_frame else self._find_content(attempt.seek_s),
            allow_changes=attempt.reads_every_frame,
        )
        codec = self._writer.lossless_codec
        if attempt.reads_every_frame:
            graph = f"{graph};[frames]{attempt.shown_log.filter}[shown]"
            return graph, ("-map", "[shown]", *codec, "-bsf:v", SET_TIMESTAMPS)
        if has_thumbnails:
            graph = f"{graph};[frames]split[extracted][full_size];[full_size]{THUMBNAIL_FILTERS}"
            return graph, ("-map", "[extracted]", *codec, *THUMBNAIL_OUTPUTS)
        return graph, ("-map", "[frames]", *codec)

    def _resample_frames(self) -> list[str]:
        """Return the filters that apply the speed option and resample the clip to 24 frames per second.

        `trim` limits the number of frames before any other filter runs: two frames an hour apart become
        86,400 frames at 24 fps. `fps` repeats the frame on screen at the start, so a slide that appeared long
        before is shown.
        """
        options = self._options
        retime = [] if options.speed == 1 else [f"settb=1/{FLICKS_PER_S}", f"setpts=PTS/{options.speed}"]
        return [
            *retime,
            resample(
                options.fps,
                start_s=self._start_s / options.speed,
                clip_s=self._info.duration_s / options.speed,
            ),
            f"trim=end_frame={frames_to_read(options)}",
            "setpts=PTS-STARTPTS",
        ]

    def _find_shown_from_s(self, log: FrameLog) -> float:
        """Return the time of the frame on screen at the start, or the earliest that it is searched from."""
        before = [float(time_s) for time_s in log.times_s if self._nearest_slot(time_s) <= 0]
        return max(before, default=self._start_s - _MAX_STILL_S)

    def _select_every_frame(self, shown_from_s: float) -> list[str]:
        """Return the filters that select all frames of the window, from which `_frames_on_screen` chooses.

        ffmpeg reinitializes its filters whenever the stream changes, and `fps` would lose the frame that it
        holds. Therefore, every filter here must be stateless.
        """
        is_shown = f"gte(t,{shown_from_s - TIMESTAMP_PRECISION_S:.6f})"
        min_distance_s = self._options.speed / MAX_READ_FPS
        is_distant = f"(isnan(prev_selected_t)+gte(t-prev_selected_t,{min_distance_s:.6f}))"
        return [f"select='{is_shown}*{is_distant}'", f"trim=end={self._end_s:.6f}"]

    def _frames_on_screen(self, shown_log: FrameLog) -> list[int]:
        """Return the number of the frame on screen at each 1/24 s, rounding as the `fps` filter does."""
        slots = [self._nearest_slot(time_s) for time_s in shown_log.times_s]
        count = min(frames_to_read(self._options), max(1, self._nearest_slot(Fraction(self._clip_end_s))))
        return [max(0, bisect_right(slots, number) - 1) for number in range(count)]

    def _nearest_slot(self, time_s: Fraction) -> int:
        rate = Fraction(self._options.fps) / Fraction(str(self._options.speed))
        return floor((time_s - Fraction(self._start_s)) * rate + Fraction(1, 2))

    def _check_for_gaps(self, log: FrameLog) -> None:
        end_s = min(self._end_s, self._clip_end_s)
        check_for_gaps(self._source, self._info, log, self._start_s, end_s, self._writer)

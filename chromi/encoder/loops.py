"""Find the windows of a clip that loop best: those whose end flows into their start, in image and motion.

The clip is decoded once into small grayscale frames, 24 per second. A window of a given length loops well if
the frames after its end resemble those at its start, or if the frames before its start resemble those at its
end. Either makes the transition from end to start a continuous motion. Several consecutive frames are
compared, as in "Video Textures" (Schödl et al., 2000): a pendulum passes the same position in both
directions, so a single frame is ambiguous. Only frames one window length apart are compared, so the cost is
linear in the length of the clip.

A hard cut inside a window does not affect its score, because it belongs to the clip and not to the seam.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from chromi.encoder.encoder_errors import TimedOut
from chromi.encoder.frames.color_filters import flatten_alpha, replace_unsupported_matrix
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.resampling import resample
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.seek import decode_all_options
from chromi.encoder.source.video_info import VideoInfo

LOOPS_TIMEOUT_S = 60.0

MAX_SEARCHED_S = 600
"""Only the first ten minutes of a clip are searched, which is 14,400 frames or 8 MB."""

MIN_START_DISTANCE_S = 1.0
"""Minimum distance between the starts of two windows. Closer windows look like the same loop."""

_WIDTH_PX, _HEIGHT_PX = 32, 18
_FRAME_BYTES = _WIDTH_PX * _HEIGHT_PX
_MAX_FRAMES = MAX_SEARCHED_S * ConversionOptions.fps

# Chosen by eye using rotating, oscillating, drifting and still images, with and without noise.
_COMPARED_FRAMES = 4  # consecutive frames that must match: a sixth of a second
_MOTION_FRAMES = 12  # frames on each side of the seam that determine the typical motion there
_MIN_VISIBLE_STEP = 1.0  # in gray levels out of 255: compression alone causes such steps in a still image
_MAX_MASKED_STEP = 5.0  # in gray levels: a larger step is visible as a cut, however fast the clip moves
_SCORE_WIDTH = 4.5  # scale of the score: 95 at 1 step, 82 at 2, 64 at 3, 29 at 5, 7 at 7


@dataclass(frozen=True)
class LoopWindow:
    """A window of the clip and how well it loops. `start_s` counts from the first frame.

    `score` is 0 to 100. It measures the difference between the frames at the seam, relative to the typical
    difference between consecutive frames around the seam (a step). At 100 the seam is invisible. At 95 it is
    off by one step, as if a frame were dropped. At 64 it is off by three, and below 20 the jump is obvious.
    """

    start_s: float
    duration_s: float
    score: int

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, serializable as JSON."""
        return asdict(self)


def find_loops(
    source: Path,
    *,
    duration_s: float = 6.0,
    limit: int = 5,
    timeout_s: float = LOOPS_TIMEOUT_S,
    on_tick: Callable[[float], None] = lambda fraction: None,
) -> list[LoopWindow]:
    """Return up to `limit` windows of `source`, best loop first.

    Their starts are at least MIN_START_DISTANCE_S apart. A clip no longer than `duration_s` is a single
    window. The search covers only the first MAX_SEARCHED_S and only the frames decoded within `timeout_s`.
    `on_tick` receives the fraction done, 0 to 1, ten times a second. Its exceptions end the search.

    Raises NotAVideo, NoFrames and EncodeError, and TimedOut if time ran out before one window was decoded.
    """
    deadline = time.monotonic() + timeout_s
    info = probe_video(source, on_tick=lambda: on_tick(0.0))
    expected_frames = ConversionOptions.fps * min(info.duration_s, MAX_SEARCHED_S)
    writer = FrameWriter(
        timeout_s=deadline - time.monotonic(),
        max_bytes=_FRAME_BYTES * _MAX_FRAMES,
        on_tick=lambda frames: on_tick(min(1.0, frames / expected_frames)),
    )
    window_s = min(duration_s, info.duration_s)
    window_frames = max(1, round(ConversionOptions.fps * window_s))
    frames = _decode_frames(source, info, writer, min_frames=window_frames)
    seams = _measure_seams(frames, min(window_frames, len(frames)))
    return _choose_windows(seams, window_s, limit)


def _decode_frames(source: Path, info: VideoInfo, writer: FrameWriter, *, min_frames: int) -> list[bytes]:
    """Decode as many frames as time allows into an unnamed file, which cannot be left behind.

    Raises TimedOut if there are fewer than `min_frames`.
    """
    with source.open("rb") as clip, tempfile.TemporaryFile() as file:
        try:
            writer.write(
                [
                    *untrusted_input(clip.fileno(), threads=writer.threads, before=decode_all_options(info)),
                    *("-map", f"0:{info.stream}", "-filter_threads", "1", "-vf", _filters(info)),
                    *("-fps_mode", "passthrough", *REPORT_FRAMES, "-flush_packets", "1"),
                    *("-f", "rawvideo", "-fd", str(file.fileno()), "fd:"),
                ],
                descriptors=(clip.fileno(), file.fileno()),
            )
        except TimedOut:
            if file.seek(0, os.SEEK_END) < min_frames * _FRAME_BYTES:
                raise
        return _read_frames(file)


def _filters(info: VideoInfo) -> str:
    """Return the filters.

    They limit the number of frames first. The whole frame is compared, regardless of the GIF's framing.
    """
    return ",".join(
        (
            resample(ConversionOptions.fps, start_s=info.first_frame_s, clip_s=info.duration_s),
            f"trim=end_frame={_MAX_FRAMES}",
            *replace_unsupported_matrix(info),
            f"scale={_WIDTH_PX}:{_HEIGHT_PX}:flags=area",
            *flatten_alpha(info),
            "format=gray",
        )
    )


def _read_frames(file: BinaryIO) -> list[bytes]:
    """Return the complete frames in the file; the last one may be truncated."""
    file.seek(0)
    frames = []
    while len(frame := file.read(_FRAME_BYTES)) == _FRAME_BYTES:
        frames.append(frame)
    return frames


def _measure_seams(frames: Sequence[bytes], length: int) -> list[float]:
    """Return the seam error for each window of `length` frames, in steps of the surrounding clip."""
    steps, gaps, jumps = (_distances(frames, lag) for lag in (1, length, length - 1))
    return [_measure_seam(steps, gaps, jump, start, start + length) for start, jump in enumerate(jumps)]


def _distances(frames: Sequence[bytes], lag: int) -> list[float]:
    """Return each frame's distance to the one `lag` frames later: root mean square, in gray levels."""
    scale = math.sqrt(_FRAME_BYTES)
    return [math.dist(frame, later) / scale for frame, later in zip(frames, frames[lag:], strict=False)]


def _measure_seam(steps: list[float], gaps: list[float], jump: float, start: int, end: int) -> float:
    """Return the error of the seam between frames `end - 1` and `start`, rounded to a tenth of a step.

    The jump across the seam counts if it exceeds the clip's own steps. This detects a hard cut at the seam,
    and it is the only measure if the clip has no frames outside the window. Differences below a tenth of a
    step are noise.
    """
    nearby = (
        steps[max(start, end - 1 - _MOTION_FRAMES) : end - 1]
        + steps[start : min(end - 1, start + _MOTION_FRAMES)]
    )
    usual = sorted(nearby)[: len(nearby) * 7 // 8 + 1] or [0.0]  # excludes hard cuts
    step = min(_MAX_MASKED_STEP, sum(usual) / len(usual)) + _MIN_VISIBLE_STEP
    return round(max(jump - usual[-1], _mismatch(gaps, start)) / step, 1)


def _mismatch(gaps: list[float], start: int) -> float:
    """Return how far the frames after the window differ from its first frames, or those before from its last.

    The smaller distance counts, because one continuous transition suffices. If the clip has too few frames on
    both sides, all available frames are averaged together.
    """
    before, after = gaps[max(0, start - _COMPARED_FRAMES) : start], gaps[start : start + _COMPARED_FRAMES]
    sides = [side for side in (before, after) if len(side) == _COMPARED_FRAMES] or [before + after]
    return min(math.sqrt(sum(gap * gap for gap in side) / max(1, len(side))) for side in sides)


def _score(error_steps: float) -> int:
    return round(100 * math.exp(-((error_steps / _SCORE_WIDTH) ** 2)))


def _choose_windows(seams: list[float], duration_s: float, limit: int) -> list[LoopWindow]:
    """Return the best windows that start far enough apart; ties go to the earlier window."""
    starts: list[int] = []
    for _, start in sorted((seam, start) for start, seam in enumerate(seams)):
        if len(starts) == limit:
            break
        if all(abs(start - other) >= MIN_START_DISTANCE_S * ConversionOptions.fps for other in starts):
            starts.append(start)
    return [
        LoopWindow(round(start / ConversionOptions.fps, 3), duration_s, _score(seams[start]))
        for start in starts
    ]

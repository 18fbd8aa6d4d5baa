"""Find the best loop: the windows of a clip whose end runs into their start, in picture and in motion.

The clip is decoded once into tiny gray pictures, 24 a second. A window of a given length loops if the
pictures that would have come after its end look like those at its start, or those at its end like the ones
that came before its start: either makes the cut a real succession. Several pictures in a row are compared, as
in "Video Textures" (Schödl and others, 2000): a pendulum passes the same place in both directions, and one
picture does not tell which. Only pictures one length apart are ever compared, so the work grows with the clip
and no more.

A hard cut inside a window neither helps nor harms: it is part of the clip, and no seam.
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
from chromi.encoder.frames.color import lay_on_paper
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.seek import read_all
from chromi.encoder.source.video_info import VideoInfo

LOOPS_TIMEOUT_S = 60.0

MAX_SEARCHED_S = 600
"""Of a longer clip the first ten minutes are searched: 14,400 pictures, 8 MB."""

MIN_APART_S = 1.0
"""How far apart the starts of two windows are at least; closer ones are the same loop to the eye."""

_WIDTH_PX, _HEIGHT_PX = 32, 18
_FRAME_BYTES = _WIDTH_PX * _HEIGHT_PX
_MAX_FRAMES = MAX_SEARCHED_S * ConversionOptions.fps

# All below are by eye, on turning, swinging, wandering and still pictures, with and without noise.
_ALIKE = 4  # frames in a row that must be alike, a sixth of a second
_NEAR = 12  # frames before the seam, and as many after it, that say how the clip moves there
_UNSEEN = 1.0  # gray levels of 255: where a picture stands still, compression alone steps so far
_MASKED = 5.0  # gray levels: however wildly a clip moves, a step beyond this and more is seen as a cut
_FALL = 4.5  # the score's curve: 95 at 1 step, 82 at 2, 64 at 3, 29 at 5, 7 at 7


@dataclass(frozen=True)
class LoopWindow:
    """A window of the clip and how well it loops; `start_s` counts from the first picture.

    `score` is 0 to 100. The pictures at the seam are off by some distance, whose unit is the clip's own step
    from frame to frame around the seam. At 100 the cut cannot be seen, at 95 it is off by one such step (as
    if a frame had been dropped), at 64 by three, and below 20 anyone sees a jump.
    """

    start_s: float
    duration_s: float
    score: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def find_loops(
    source: Path,
    *,
    duration_s: float = 6.0,
    limit: int = 5,
    threads: int = 2,
    timeout_s: float = LOOPS_TIMEOUT_S,
    on_tick: Callable[[float], None] = lambda fraction: None,
) -> list[LoopWindow]:
    """Return up to `limit` windows of `source`, the best loop first, their starts MIN_APART_S apart or more.

    A clip no longer than `duration_s` is one window, all of it. Only MAX_SEARCHED_S are searched, and only
    what can be decoded in `timeout_s`. `on_tick` gets the share done, 0 to 1, ten times a second; whatever it
    raises ends the search. Raises NotAVideo, NoFrames, EncodeError, and TimedOut before one whole window.
    """
    deadline = time.monotonic() + timeout_s
    info = probe_video(source, on_tick=lambda: on_tick(0.0))
    expected = ConversionOptions.fps * min(info.duration_s, MAX_SEARCHED_S)
    writer = FrameWriter(
        threads=threads,
        timeout_s=deadline - time.monotonic(),
        max_bytes=_FRAME_BYTES * _MAX_FRAMES,
        on_tick=lambda frames: on_tick(min(1.0, frames / expected)),
    )
    window_s = min(duration_s, info.duration_s)
    wanted = round(ConversionOptions.fps * window_s)
    frames = _take_frames(source, info, writer, at_least=wanted)
    return _choose_apart(_measure_seams(frames, min(wanted, len(frames))), window_s, limit)


def _take_frames(source: Path, info: VideoInfo, writer: FrameWriter, *, at_least: int) -> list[bytes]:
    """Decode the clip, as far as time allows, into a file that has no name and so is never left behind."""
    with source.open("rb") as clip, tempfile.TemporaryFile() as file:
        try:
            writer.write(
                [
                    *untrusted_input(clip.fileno(), threads=writer.threads, before=read_all(info)),
                    *("-map", f"0:{info.stream}", "-filter_threads", "1", "-vf", _filters(info)),
                    *("-fps_mode", "passthrough", *REPORT_FRAMES, "-flush_packets", "1"),
                    *("-f", "rawvideo", "-fd", str(file.fileno()), "fd:"),
                ],
                descriptors=(clip.fileno(), file.fileno()),
            )
        except TimedOut:
            if file.seek(0, os.SEEK_END) < at_least * _FRAME_BYTES:
                raise
        return _read_frames(file)


def _filters(info: VideoInfo) -> str:
    """Bound the count before anything else; all of the picture counts, whatever part the GIF will show."""
    return ",".join(
        (
            f"fps={ConversionOptions.fps}:start_time={info.first_frame_s:.6f}",
            f"trim=end_frame={_MAX_FRAMES}",
            f"scale={_WIDTH_PX}:{_HEIGHT_PX}:flags=area",
            *lay_on_paper(info),
            "format=gray",
        )
    )


def _read_frames(file: BinaryIO) -> list[bytes]:
    """Return the whole frames in the file; the last may be cut."""
    file.seek(0)
    frames = []
    while len(frame := file.read(_FRAME_BYTES)) == _FRAME_BYTES:
        frames.append(frame)
    return frames


def _measure_seams(frames: Sequence[bytes], length: int) -> list[float]:
    """Return for each window of `length` frames how far its seam is off, in steps of the clip around it."""
    steps, gaps, jumps = (_distances(frames, lag) for lag in (1, length, length - 1))
    return [_measure_seam(steps, gaps, jump, start, start + length) for start, jump in enumerate(jumps)]


def _distances(frames: Sequence[bytes], lag: int) -> list[float]:
    """Return how far each frame is from the one `lag` frames later: root mean square, in gray levels."""
    scale = math.sqrt(_FRAME_BYTES)
    return [math.dist(one, other) / scale for one, other in zip(frames, frames[lag:], strict=False)]


def _measure_seam(steps: list[float], gaps: list[float], jump: float, start: int, end: int) -> float:
    """Measure the seam from frame `end - 1` to frame `start`.

    The jump over the seam counts as far as it exceeds the clip's own steps: that finds a hard cut just there,
    and is all there is to see if the clip holds not one frame more than the window. Rounded to a tenth of a
    step: smaller differences between windows are chance.
    """
    around = steps[max(start, end - 1 - _NEAR) : end - 1] + steps[start : min(end - 1, start + _NEAR)]
    usual = sorted(around)[: len(around) * 7 // 8 + 1] or [0.0]  # without hard cuts
    step = min(_MASKED, sum(usual) / len(usual)) + _UNSEEN
    return round(max(jump - usual[-1], _mismatch(gaps, start)) / step, 1)


def _mismatch(gaps: list[float], start: int) -> float:
    """Return how unlike the clip goes on after the window and at its start, or came to its start and its end.

    The better of the two: one real succession is enough. Where the clip begins or ends too soon for either,
    what there is of both counts.
    """
    before, after = gaps[max(0, start - _ALIKE) : start], gaps[start : start + _ALIKE]
    sides = [side for side in (before, after) if len(side) == _ALIKE] or [before + after]
    return min(math.sqrt(sum(gap * gap for gap in side) / max(1, len(side))) for side in sides)


def _score(steps_off: float) -> int:
    return round(100 * math.exp(-((steps_off / _FALL) ** 2)))


def _choose_apart(seams: list[float], duration_s: float, limit: int) -> list[LoopWindow]:
    """Take the best window, the first of equals, then the best of those that start well apart, and so on."""
    chosen: list[int] = []
    for _, start in sorted((seam, start) for start, seam in enumerate(seams)):
        if len(chosen) == limit:
            break
        if all(abs(start - other) >= MIN_APART_S * ConversionOptions.fps for other in chosen):
            chosen.append(start)
    return [
        LoopWindow(round(start / ConversionOptions.fps, 3), duration_s, _score(seams[start]))
        for start in chosen
    ]

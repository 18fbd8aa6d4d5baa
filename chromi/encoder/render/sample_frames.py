"""Choose a few frames whose size and quality represent those of the whole GIF."""

from collections.abc import Sequence
from dataclasses import dataclass

from chromi.encoder.render.changed_pixels import SETTLED_FRAMES

MAX_RUNS = 3
_LEAD_OFFSETS, _PREVIOUS_OFFSET, _MEASURED_OFFSETS = (0, 4), 6, (7, 8)
_FOLLOWING_OFFSETS = tuple(range(9, 9 + SETTLED_FRAMES))
"""The frames of a run. Because small changes are not redrawn, the measured frames depend on the displayed
colors, which are those of several earlier frames, and on which pixels keep their color afterward."""
_RUN_OFFSETS = (*_LEAD_OFFSETS, _PREVIOUS_OFFSET, *_MEASURED_OFFSETS, *_FOLLOWING_OFFSETS)


@dataclass(frozen=True)
class SampledFrame:
    """A frame of the sample, with its motion.

    The size of a measured frame predicts that of other frames. A compared frame is compared with its source.
    Lead frames are drawn only with a palette per frame, for the displayed colors. Following ones are never
    drawn; they only show which pixels keep their color.
    """

    motion: float
    is_measured: bool
    is_compared: bool
    is_lead: bool = False
    is_following: bool = False


@dataclass(frozen=True)
class SampleFrames:
    """The frames of a sample: runs of the clip, which start at `run_starts` and have frames at `offsets`."""

    frames: list[SampledFrame]
    run_starts: list[int]
    offsets: Sequence[int]
    has_all: bool
    """True if the sample has all frames of the clip."""

    def list_drawn(self, *, local_palettes: bool) -> list[int]:
        """Return the numbers of the frames that are drawn with a palette per frame, or with one palette."""
        return [
            number
            for number, frame in enumerate(self.frames)
            if not frame.is_following and (local_palettes or not frame.is_lead)
        ]


def choose_sample(motion: Sequence[float]) -> SampleFrames:
    """Return the sample for a clip whose frames have this motion. A short clip is sampled completely."""
    length = _RUN_OFFSETS[-1] + 1
    if len(motion) < 2 * length:
        last = len(motion) - 1
        frames = [
            SampledFrame(value, is_measured=value > 0, is_compared=number == last)
            for number, value in enumerate(motion)
        ]
        return SampleFrames(frames, [0], range(len(motion)), has_all=True)
    starts = _choose_run_starts(motion, length)
    return SampleFrames(_describe_runs(motion, starts), starts, _RUN_OFFSETS, has_all=False)


def _choose_run_starts(motion: Sequence[float], length: int) -> list[int]:
    """Return the first frame of each run.

    The runs have the median motion of the calmest third of the clip, of the next third, and of the rest. The
    extremes are not used: the frame with the most motion is often a cut. Repeated frames have no motion and
    take almost no bytes; a 20 fps clip has 24 of them. They are not measured if there are enough others.
    """
    measured = slice(_MEASURED_OFFSETS[0], _MEASURED_OFFSETS[-1] + 1)
    starts = range(len(motion) - length + 1)
    count = min(MAX_RUNS, len(motion) // length)
    moving = [start for start in starts if all(motion[start : start + length][measured])]
    candidates = moving if len(moving) >= count else starts
    by_motion = sorted(candidates, key=lambda start: sum(motion[start : start + length][measured]))
    return [by_motion[(2 * part + 1) * len(by_motion) // (2 * count)] for part in range(count)]


def _describe_runs(motion: Sequence[float], starts: Sequence[int]) -> list[SampledFrame]:
    """Return the frames of all runs. All runs but the one with the least motion are compared."""
    return [
        SampledFrame(
            motion[start + offset],
            is_measured=offset in _MEASURED_OFFSETS and motion[start + offset] > 0,
            is_compared=offset == _MEASURED_OFFSETS[-1] and run > 0,
            is_lead=offset in _LEAD_OFFSETS,
            is_following=offset in _FOLLOWING_OFFSETS,
        )
        for run, start in enumerate(starts)
        for offset in _RUN_OFFSETS
    ]

"""Conditional replenishment: decide which pixels of each frame must be redrawn.

A GIF frame need not draw the pixels that still look as they did before. Pixels that barely change keep the
color that is displayed, which saves bytes and prevents flicker.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SETTLED_FRAMES = 4
"""A pixel that keeps its new color for this many more frames is redrawn, however small the change is. Without
this, slowly moving objects leave faint trails on a plain background."""
_GREEN_WEIGHT = 1.5
"""How much more visible a change in green is than one in red or blue."""
_CHUNK_PIXELS = 32 * 1024
"""Pixels that are compared at once, so that intermediate results stay in the cache of a core."""

Pixels = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ChangedFrame:
    """A frame as a flat array of opaque bgra pixels, and which of them must be redrawn."""

    pixels: Pixels
    changed: Mask


def find_changes(frames: Iterable[Pixels], threshold: int) -> Iterator[ChangedFrame]:
    """Yield each frame with the pixels that must be redrawn: all of the first frame, then the changed ones.

    A pixel has changed if a channel differs by more than `threshold` levels (0 to 255) from the color that is
    displayed. At 0, every difference is a change; otherwise `SETTLED_FRAMES` frames are read ahead.
    """
    detector = _ChangeDetector(threshold)
    upcoming: deque[Pixels] = deque()
    for frame in frames:
        upcoming.append(frame)
        if len(upcoming) > (SETTLED_FRAMES if threshold else 0):
            yield detector.next(upcoming)
            upcoming.popleft()
    while upcoming:
        yield detector.next(upcoming)
        upcoming.popleft()


class _ChangeDetector:
    """Compare frames with the displayed colors, which it updates."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        green = int(threshold / _GREEN_WEIGHT)
        limits = np.array([threshold, green, threshold, 255], np.uint8)  # alpha never exceeds it
        self._limits = np.tile(limits, _CHUNK_PIXELS)
        self._displayed: Pixels = np.empty(0, np.uint32)
        self._steady: deque[Mask] = deque()

    def next(self, upcoming: deque[Pixels]) -> ChangedFrame:
        """Return the changes in the first of the `upcoming` frames; the others show whether it settles."""
        frame = upcoming[0]
        if not len(self._displayed):
            self._displayed = frame.copy()
            return ChangedFrame(frame, np.ones(len(frame), np.bool_))
        changed = frame != self._displayed
        if self._threshold:
            changed &= self._exceeds_threshold(frame) | self._has_settled(upcoming)
        np.copyto(self._displayed, frame, where=changed)
        return ChangedFrame(frame, changed)

    def _exceeds_threshold(self, frame: Pixels) -> Mask:
        exceeds = np.empty(len(frame), np.bool_)
        for start in range(0, len(frame), _CHUNK_PIXELS):
            chunk = slice(start, start + _CHUNK_PIXELS)
            levels, displayed = frame[chunk].view(np.uint8), self._displayed[chunk].view(np.uint8)
            differences = np.maximum(levels, displayed)
            differences -= np.minimum(levels, displayed)
            np.not_equal((differences > self._limits[: len(levels)]).view(np.uint32), 0, out=exceeds[chunk])
        return exceeds

    def _has_settled(self, upcoming: deque[Pixels]) -> Mask:
        """Return the pixels that are equal in all upcoming frames."""
        for number in range(len(self._steady), len(upcoming) - 1):
            self._steady.append(upcoming[number] == upcoming[number + 1])
        settled = self._steady.popleft() if self._steady else np.zeros(len(upcoming[0]), np.bool_)
        for steady in self._steady:
            settled &= steady
        return settled

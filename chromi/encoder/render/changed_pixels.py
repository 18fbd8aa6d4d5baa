"""Conditional replenishment: decide which pixels of each frame must be redrawn.

A GIF frame need not draw the pixels that still look as they did before. Pixels that barely change keep the
color that is displayed, which saves bytes and prevents flicker.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from chromi.encoder.render.pixels import CHUNK_PIXELS, ByteArray, Mask, Pixels, split_into_chunks

SETTLED_FRAMES = 4
"""A pixel that keeps its new color for this many more frames is redrawn, however small the change is. Without
this, slowly moving objects leave faint trails on a plain background."""
_GREEN_WEIGHT = 1.5
"""How much more visible a change in green is than one in red or blue."""


@dataclass(frozen=True)
class ChangedFrame:
    """A frame as a flat array of opaque bgra pixels, and which of them are to be drawn.

    `displayed` are the pixels on the screen before this frame. It must not be modified; `changed` may be.
    """

    pixels: Pixels
    changed: Mask
    displayed: Pixels


def find_changes(frames: Iterable[Pixels], threshold: int) -> Iterator[ChangedFrame]:
    """Yield each frame with the pixels that must be redrawn: all of the first frame, then the changed ones.

    A pixel has changed if a channel differs by more than `threshold` levels (0 to 255) from the color that is
    displayed. At 0, every difference is a change; otherwise `SETTLED_FRAMES` frames are read ahead. A pixel
    that the caller removes from `changed` keeps its color and is compared again in the next frame.
    """
    detector = _ChangeDetector(threshold)
    for upcoming in _look_ahead(frames, SETTLED_FRAMES if threshold else 0):
        frame = detector.compare(upcoming)
        yield frame
        detector.display(frame)


def differ_by_more(pixels: Pixels, others: Pixels, levels: ByteArray | np.uint8) -> Mask:
    """Return for each pixel whether a channel differs by more than `levels`: one for all, or one for each."""
    channels, other_channels = pixels.view(np.uint8), others.view(np.uint8)
    differences = np.maximum(channels, other_channels)
    differences -= np.minimum(channels, other_channels)
    differ: Mask = (differences > levels).view(np.uint32) != 0
    return differ


def _look_ahead(frames: Iterable[Pixels], count: int) -> Iterator[deque[Pixels]]:
    """Yield each frame with up to `count` frames after it."""
    upcoming: deque[Pixels] = deque()
    for frame in frames:
        upcoming.append(frame)
        if len(upcoming) > count:
            yield upcoming
            upcoming.popleft()
    while upcoming:
        yield upcoming
        upcoming.popleft()


class _ChangeDetector:
    """Compare frames with the displayed colors."""

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        green = int(threshold / _GREEN_WEIGHT)
        limits = np.array([threshold, green, threshold, 255], np.uint8)  # alpha never exceeds it
        self._limits = np.tile(limits, CHUNK_PIXELS)
        self._displayed: Pixels = np.empty(0, np.uint32)
        self._steady: deque[Mask] = deque()

    def compare(self, upcoming: deque[Pixels]) -> ChangedFrame:
        """Return the changes in the first of the `upcoming` frames; the others show whether it settles."""
        frame = upcoming[0]
        if not len(self._displayed):
            self._displayed = np.zeros_like(frame)
            return ChangedFrame(frame, np.ones(len(frame), np.bool_), self._displayed)
        settled = self._has_settled(upcoming) if self._threshold else None
        changed = np.empty(len(frame), np.bool_)
        for chunk in split_into_chunks(len(frame)):
            pixels, displayed = frame[chunk], self._displayed[chunk]
            np.not_equal(pixels, displayed, out=changed[chunk])
            if settled is not None:
                changed[chunk] &= settled[chunk]
                changed[chunk] |= differ_by_more(pixels, displayed, self._limits[: 4 * len(pixels)])
        return ChangedFrame(frame, changed, self._displayed)

    def display(self, frame: ChangedFrame) -> None:
        """Replace the displayed colors by the changed ones of `frame`.

        This takes a third of the time of np.copyto, whose mask makes each pixel a branch.
        """
        for chunk in split_into_chunks(len(frame.pixels)):
            differences = self._displayed[chunk] ^ frame.pixels[chunk]
            differences *= frame.changed[chunk]
            self._displayed[chunk] ^= differences

    def _has_settled(self, upcoming: deque[Pixels]) -> Mask:
        """Return the pixels that are equal in all upcoming frames."""
        for number in range(len(self._steady), len(upcoming) - 1):
            self._steady.append(upcoming[number] == upcoming[number + 1])
        settled = self._steady.popleft() if self._steady else np.zeros(len(upcoming[0]), np.bool_)
        for steady in self._steady:
            settled &= steady
        return settled

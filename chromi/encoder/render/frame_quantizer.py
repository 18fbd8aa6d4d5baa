"""Quantize frames, each with its own palette, and draw only the pixels that it represents well enough.

A palette serves the pixels that one frame draws, but they stay on the screen for longer. Two rules correct
what a palette cannot represent. After a complete frame, whose palette serves all colors at once, the next
frame draws the worst pixels again with other colors. And a pixel that has been steady keeps its color if the
palette of the frame would make it worse; otherwise, slow changes in a smooth area leave streaks of a wrong
color. At threshold 2, this gains two SSIMULACRA2 points on a cartoon, a render and fur, and one on a screen
recording, at the same size or less.
"""

import math

import numpy as np
import numpy.typing as npt

from chromi.encoder.render.changed_pixels import ChangedFrame, differ_by_more
from chromi.encoder.render.distinct_colors import DistinctColors, Numbers
from chromi.encoder.render.oklab import FloatArray, to_oklab
from chromi.encoder.render.palette import (
    PALETTE_ENTRIES,
    PaletteSequence,
    choose_evenly,
    find_nearest,
    to_entries,
)
from chromi.encoder.render.pixels import ByteArray, Mask, Pixels, to_rgb

_MAX_AGE = 16
"""Frames since a pixel was last drawn, which is about how long it will be displayed. Pixels are sampled in
proportion, because an error in a steady pixel is seen for longer. This gains up to ten SSIMULACRA2 points."""
_CLUSTERED_PIXELS = 16_000
_EXAMINED_PIXELS = 120_000
"""Changed pixels of a frame that are searched for rare colors: 19 of a dot of 12x12 pixels."""

_REDRAWN_SHARE = 0.2
"""Share of the pixels that are drawn again after a complete frame. It adds less than one percent of bytes."""
_EXACT_ERROR = 0.0005
"""Distances in OKLab below this one are rounding errors. A difference of one level is larger."""
_STEADY_FRAMES = 4
"""A pixel that has been displayed for this many frames is steady."""
_VISIBLE_ERROR = 0.004
"""Distance in OKLab of a displayed color from the right one. Smaller errors of large areas are not seen."""
_SIMILAR_LEVELS = np.uint8(24)
"""A color that differs by more levels is hardly ever nearer than that of a palette."""

TRANSPARENT_INDEX = PALETTE_ENTRIES - 1

_Indexes = npt.NDArray[np.intp]


class FrameQuantizer:
    """Quantize a sequence of frames."""

    def __init__(self, color_count: int, size_px: tuple[int, int], *, dither: bool = False) -> None:
        """Choose up to `color_count` opaque colors, 1 to 255, for each frame of `size_px` (width, height)."""
        pixel_count = math.prod(size_px)
        self._ditherer = _Ditherer(size_px) if dither else None
        self._palettes = PaletteSequence(color_count)
        self._distinct = DistinctColors(pixel_count)
        self._palette = to_entries(np.zeros((1, 3), np.uint8))
        self._ages = np.zeros(pixel_count, np.uint8)
        self._badly_drawn: Mask | None = None

    def quantize(self, frame: ChangedFrame, indexes: ByteArray) -> Pixels:
        """Write the palette entry of each pixel, TRANSPARENT_INDEX if it is not drawn.

        Return the palette, as to_entries does. Add to or remove from the changed pixels of `frame`.
        """
        indexes[:] = TRANSPARENT_INDEX
        self._ages += self._ages < _MAX_AGE
        if self._badly_drawn is not None:
            frame.changed[self._badly_drawn] = True
            self._badly_drawn = None
        if frame.changed.any():  # otherwise nothing is drawn, and the palette is kept
            self._draw(frame, indexes)
        return self._palette

    def _draw(self, frame: ChangedFrame, indexes: ByteArray) -> None:
        pixels, ages = frame.pixels[frame.changed], self._ages[frame.changed]
        palette = self._choose_palette(pixels, ages)
        if self._ditherer:
            pixels = self._ditherer.apply(frame.pixels)[frame.changed]
        colors, numbers = self._distinct.find(pixels)
        nearest, squares = find_nearest(to_oklab(to_rgb(colors)), to_oklab(palette))
        indexes[frame.changed] = nearest.astype(np.uint8).take(numbers)
        if len(pixels) == len(indexes):
            self._badly_drawn = _find_badly_drawn(squares.take(numbers))
        else:
            better = _find_better_displayed(frame, ages, numbers, squares)
            indexes[better] = TRANSPARENT_INDEX
            frame.changed[better] = False
        self._palette = to_entries(palette)
        self._ages *= ~frame.changed

    def _choose_palette(self, pixels: Pixels, ages: ByteArray) -> ByteArray:
        examined = choose_evenly(len(pixels), _EXAMINED_PIXELS)
        return self._palettes.next(pixels[examined], ages[examined], samples=_CLUSTERED_PIXELS)


class _Ditherer:
    """Make one of 2x2 pixels a level darker, and the one below it a level lighter.

    A color between two of the palette is then drawn in both.
    """

    def __init__(self, size_px: tuple[int, int]) -> None:
        width_px, height_px = size_px
        self._dithered = np.empty(width_px * height_px, np.uint32)
        self._rows = self._dithered.view(np.uint8).reshape(height_px, 4 * width_px)
        self._step = np.resize(np.array([1, 1, 1, 0, 0, 0, 0, 0], np.uint8), 4 * width_px)

    def apply(self, pixels: Pixels) -> Pixels:
        """Return the dithered frame, which the next call overwrites."""
        self._dithered[:] = pixels
        darker, lighter = self._rows[::2], self._rows[1::2]
        np.maximum(darker, self._step, out=darker)
        darker -= self._step
        np.minimum(lighter, np.uint8(255) - self._step, out=lighter)
        lighter += self._step
        return self._dithered


def _find_better_displayed(
    frame: ChangedFrame, ages: ByteArray, numbers: Numbers, squares: FloatArray
) -> _Indexes:
    """Return the steady pixels that look wrong, and whose displayed color is nearer to the right one.

    `ages` and `numbers` belong to the changed pixels: the age of each, and the number of its color. `squares`
    are those of the colors' distances from the palette.
    """
    looks_wrong = (squares > _VISIBLE_ERROR**2).take(numbers)
    looks_wrong &= ages >= _STEADY_FRAMES
    is_wrong = np.zeros(len(frame.pixels), np.bool_)
    is_wrong[frame.changed] = looks_wrong
    indexes, squares = np.flatnonzero(is_wrong), squares.take(numbers[looks_wrong])
    is_similar = ~differ_by_more(frame.pixels[indexes], frame.displayed[indexes], _SIMILAR_LEVELS)
    indexes, squares = indexes[is_similar], squares[is_similar]
    right, displayed = (to_oklab(to_rgb(pixels[indexes])) for pixels in (frame.pixels, frame.displayed))
    better: _Indexes = indexes[((right - displayed) ** 2).sum(1) < squares]
    return better


def _find_badly_drawn(squares: FloatArray) -> Mask:
    """Return the _REDRAWN_SHARE of the pixels that are farthest from their colors in the palette."""
    sample = squares[::8]
    rank = int(len(sample) * (1 - _REDRAWN_SHARE))
    # np.quantile imports numpy.ma, which takes 15 ms and 4 MB.
    limit = max(float(np.partition(sample, rank)[rank]), _EXACT_ERROR**2)
    is_bad: Mask = squares > limit
    return is_bad

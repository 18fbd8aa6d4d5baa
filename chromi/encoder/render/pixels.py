"""Arrays of pixels, each one number: opaque bgra as ffmpeg stores it, 0xFFRRGGBB."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

ByteArray = npt.NDArray[np.uint8]
Pixels = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]

CHUNK_PIXELS = 32 * 1024
"""Pixels that are processed at once, so that intermediate results stay in the cache of a core."""


def split_into_chunks(pixel_count: int) -> Iterator[slice]:
    """Yield slices that together cover so many pixels, each short enough for the cache of a core."""
    starts = range(0, pixel_count, CHUNK_PIXELS)
    return (slice(start, min(start + CHUNK_PIXELS, pixel_count)) for start in starts)


def from_rgb(rgb: ByteArray) -> Pixels:
    """Return the pixels of sRGB colors, an array of shape (n, 3)."""
    opaque = np.full((len(rgb), 4), 255, np.uint8)
    opaque[:, 2::-1] = rgb
    return opaque.view(np.uint32).reshape(-1)


def to_rgb(pixels: Pixels) -> ByteArray:
    """Return the sRGB colors of pixels, an array of shape (n, 3)."""
    return pixels.view(np.uint8).reshape(-1, 4)[:, 2::-1]

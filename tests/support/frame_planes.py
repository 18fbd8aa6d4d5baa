"""Compare extracted frames with RGB images in the frames' own precision: 8-bit Y'CbCr 4:2:0 in BT.709."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromi.encoder.frames.extract import ExtractedFrames
from tests.support.clips import ffmpeg

Plane = NDArray[np.float64]

_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722
_CB_RANGE, _CR_RANGE = 2 * (1 - _BLUE), 2 * (1 - _RED)


@dataclass(frozen=True)
class FramePlanes:
    """Y'CbCr planes in levels of 0 to 255; the chroma planes have half the width and height."""

    luma: Plane
    blue: Plane
    red: Plane

    def difference(self, other: FramePlanes) -> float:
        """Return the largest difference in any plane, in levels."""
        pairs = ((self.luma, other.luma), (self.blue, other.blue), (self.red, other.red))
        return max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)

    def to_rgb(self) -> Plane:
        """Return the R'G'B' values, 0 to 255, with each chroma sample repeated four times."""
        luma = (self.luma - 16) * 255 / 219
        blue, red = ((plane.repeat(2, 0).repeat(2, 1) - 128) * 255 / 224 for plane in (self.blue, self.red))
        green = luma - (_BLUE * _CB_RANGE * blue + _RED * _CR_RANGE * red) / _GREEN
        return np.clip(np.stack([luma + _CR_RANGE * red, green, luma + _CB_RANGE * blue], -1), 0, 255)

    @classmethod
    def from_rgb(cls, rgb: Plane) -> FramePlanes:
        """Return the exact planes of R'G'B' values, with chroma averaged over 2x2 pixels."""
        luma = rgb @ np.array([_RED, _GREEN, _BLUE])
        blue, red = (rgb[..., 2] - luma) / _CB_RANGE, (rgb[..., 0] - luma) / _CR_RANGE
        height, width = luma.shape
        halved = (c.reshape(height // 2, 2, width // 2, 2).mean((1, 3)) for c in (blue, red))
        return cls(16 + luma * 219 / 255, *(128 + c * 224 / 255 for c in halved))


def read_planes(extracted: ExtractedFrames, width_px: int, height_px: int, number: int = 0) -> FramePlanes:
    """Return an extracted frame."""
    raw = extracted.frames_path.with_suffix(".yuv")
    select = f"select=eq(n\\,{number})"
    ffmpeg("-i", extracted.frames_path, "-vf", select, "-frames:v", "1", "-f", "rawvideo", raw)
    levels = np.fromfile(raw, np.uint8).astype(np.float64)
    luma, blue, red = np.split(levels, [width_px * height_px, width_px * height_px * 5 // 4])
    half = (height_px // 2, width_px // 2)
    return FramePlanes(luma.reshape(height_px, width_px), blue.reshape(half), red.reshape(half))

"""Blur, brightness, saturation and darkening match their definitions.

tests/e2e/test_css_filters.py compares them with Chromium: with framing, at full size, for all kinds of clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chromi.encoder.options import ConversionOptions
from tests.encoder.conftest import Extract
from tests.support.clips import ffmpeg, make_clip
from tests.support.frame_planes import FramePlanes, Plane, read_planes

pytestmark = pytest.mark.slow

LUMINANCE = np.array([0.213, 0.715, 0.072])
MAX_DIFFERENCE, MAX_ROUNDING = 2, 0.51
SIZE = {"width_px": 320, "height_px": 180}
FLAT_COLORS = [(255, 255, 255), (255, 0, 0), (64, 128, 192), (32, 33, 36), (0, 0, 0)]
COLORS: list[dict[str, Any]] = [
    *({"brightness_percent": percent} for percent in (50, 150)),
    *({"saturation_percent": percent} for percent in (0, 60, 200)),
    *({"darken_percent": percent} for percent in (1, 60)),
]
ALL = {"blur_px": 4.0, "brightness_percent": 80.0, "saturation_percent": 60.0, "darken_percent": 25.0}


def apply_definitions(rgb: Plane, options: ConversionOptions) -> Plane:
    """Return an image after CSS `blur() brightness() saturate()` and a black layer, in exact arithmetic."""
    for axis in (0, 1):
        rgb = blur(rgb, options.blur_px, axis) if options.blur_px else rgb
    rgb = np.clip(rgb * options.brightness_percent / 100, 0, 255)
    saturation = options.saturation_percent / 100
    gray = (rgb @ LUMINANCE)[..., np.newaxis]
    rgb = np.clip(gray + saturation * (rgb - gray), 0, 255)
    return rgb * (1 - options.darken_percent / 100)


def blur(rgb: Plane, sigma_px: float, axis: int) -> Plane:
    """Return the convolution of one axis with a Gaussian, as if the outermost pixels continued."""
    radius = int(np.ceil(5 * sigma_px))
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma_px**2))
    padded = np.pad(rgb, [(radius, radius) if n == axis else (0, 0) for n in range(3)], "edge")
    length = rgb.shape[axis]
    parts = (
        padded.take(range(n, n + length), axis) * weight for n, weight in enumerate(kernel / kernel.sum())
    )
    return np.asarray(sum(parts))


@dataclass(frozen=True)
class Example:
    """A clip, the window and size in which it is extracted, and the frames that are compared."""

    clip: Path
    window: dict[str, Any]
    frames: int = 1

    def read(self, extract: Extract, effects: dict[str, Any]) -> list[FramePlanes]:
        extracted = extract(self.clip, **self.window, **effects)
        size = (self.window["width_px"], self.window["height_px"])
        return [read_planes(extracted, *size, number) for number in range(self.frames)]


def difference(
    extract: Extract, example: Example, plain: Sequence[FramePlanes], effects: dict[str, Any]
) -> float:
    """Return by how many levels extracted frames differ from the definitions, applied to `plain` ones."""
    conversion = ConversionOptions(**example.window, **effects)
    changed = example.read(extract, effects)
    return max(
        after.difference(FramePlanes.from_rgb(apply_definitions(before.to_rgb(), conversion)))
        for before, after in zip(plain, changed, strict=True)
    )


def test_effects_match_their_definitions(tmp_path: Path, extract: Extract, subtests: pytest.Subtests) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.5, rate=24)
    example = Example(clip, {"duration_s": 0.1, **SIZE})
    plain = example.read(extract, {})
    for effects in (*({"blur_px": px} for px in (0.3, 1, 2.5, 8, 20)), ALL):
        with subtests.test(str(effects)):
            assert difference(extract, example, plain, effects) <= MAX_DIFFERENCE


def test_flat_colors_match_the_formula(tmp_path: Path, extract: Extract, subtests: pytest.Subtests) -> None:
    """Flat colors are exact but for the rounding of stored frames."""
    window = {"duration_s": len(FLAT_COLORS) / 24, "width_px": 64, "height_px": 36}
    example = Example(make_flat_clip(tmp_path / "c.mkv"), window, len(FLAT_COLORS))
    plain = example.read(extract, {})
    for effects in ({"blur_px": 8}, *COLORS, ALL):
        with subtests.test(str(effects)):
            assert difference(extract, example, plain, effects) <= MAX_ROUNDING


def make_flat_clip(path: Path) -> Path:
    """Make a lossless clip with one frame of each color."""
    raw = path.with_suffix(".rgb")
    raw.write_bytes(b"".join(bytes(color) * 64 * 36 for color in FLAT_COLORS))
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x36", "-r", "24", "-i", raw),
        *("-c:v", "ffv1", "-pix_fmt", "gbrp", path),
    )
    return path

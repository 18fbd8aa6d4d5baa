"""Blur, brightness, saturation and darkening match their definitions.

tests/e2e/test_css_filters.py compares them with Chromium: with framing, at full size, for all kinds of clips.
"""

from collections.abc import Sequence
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


def difference(
    extract: Extract, clip: Path, effects: dict[str, Any], numbers: Sequence[int] = (0,), **options: Any
) -> float:
    """Return by how many levels extracted frames differ from the definitions, applied without effects."""
    window = {"duration_s": 0.1, **SIZE, **options}
    conversion = ConversionOptions(**{**window, **effects})
    size = (conversion.width_px, conversion.height_px)
    extracted = extract(clip, **window)
    plain = [read_planes(extracted, *size, number) for number in numbers]
    extracted = extract(clip, **{**window, **effects})
    changed = [read_planes(extracted, *size, number) for number in numbers]
    return max(
        after.difference(FramePlanes.from_rgb(apply_definitions(before.to_rgb(), conversion)))
        for before, after in zip(plain, changed, strict=True)
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("effects") / "c.mp4", seconds=2, rate=24)


@pytest.mark.parametrize("effects", [*({"blur_px": px} for px in (0.3, 1, 2.5, 8, 20)), ALL], ids=str)
def test_effects_match_their_definitions(effects: dict[str, Any], clip: Path, extract: Extract) -> None:
    assert difference(extract, clip, effects) <= MAX_DIFFERENCE


@pytest.mark.parametrize("effects", [{"blur_px": 8}, *COLORS, ALL], ids=str)
def test_flat_colors_match_the_formula(effects: dict[str, Any], tmp_path: Path, extract: Extract) -> None:
    """Flat colors are exact but for the rounding of stored frames."""
    clip, numbers = make_flat_clip(tmp_path / "c.mkv"), range(len(FLAT_COLORS))
    options = {"duration_s": len(FLAT_COLORS) / 24, "width_px": 64, "height_px": 36}
    assert difference(extract, clip, effects, numbers, **options) <= MAX_ROUNDING


def make_flat_clip(path: Path) -> Path:
    """Make a lossless clip with one frame of each color."""
    raw = path.with_suffix(".rgb")
    raw.write_bytes(b"".join(bytes(color) * 64 * 36 for color in FLAT_COLORS))
    ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "64x36", "-r", "24", "-i", raw),
        *("-c:v", "ffv1", "-pix_fmt", "gbrp", path),
    )
    return path

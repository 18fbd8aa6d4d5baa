"""The measured quality falls with every kind of visible loss."""

import numpy as np
import numpy.typing as npt
import pytest

from chromi.encoder.render.quality_metrics import measure_false_color, measure_quality

Frame = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def gradient() -> Frame:
    """A smooth gradient from dark blue to orange, 320x160, bgra."""
    ramp = np.linspace(0, 1, 320)[None, :] * np.ones((160, 1))
    channels = [120 - 80 * ramp, 30 + 120 * ramp, 20 + 200 * ramp, np.full_like(ramp, 255)]
    return np.stack(channels, -1).round().astype(np.uint8)


def quality(source: Frame, rendered: Frame) -> float:
    return measure_quality(source[None], rendered[None])


def posterize(frame: Frame, step: int) -> Frame:
    return (frame // step * step + step // 2).astype(np.uint8)


def test_identical_frames_have_the_highest_quality(gradient: Frame) -> None:
    assert quality(gradient, gradient) == pytest.approx(60)


def test_more_banding_is_worse(gradient: Frame) -> None:
    qualities = [quality(gradient, posterize(gradient, step)) for step in (2, 8, 24)]
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > qualities[-1] + 10


def test_false_color_is_worse_although_luma_is_right(gradient: Frame) -> None:
    """Red and green are exchanged for blue in a part of the frame, at the same BT.709 luma."""
    tinted = gradient.astype(float)
    tinted[40:120, 100:200, 2] += 20
    tinted[40:120, 100:200, 0] -= 20 * 0.2126 / 0.0722
    assert quality(gradient, tinted.clip(0, 255).astype(np.uint8)) < 30


def test_lost_texture_is_worse(gradient: Frame) -> None:
    noise = np.random.default_rng(1).integers(-12, 13, gradient.shape[:2])[..., None]
    textured = (gradient + noise).clip(0, 255).astype(np.uint8)
    assert quality(textured, gradient) < quality(textured, posterize(textured, 4))


def test_all_frames_count(gradient: Frame) -> None:
    damaged = posterize(gradient, 24)
    both = measure_quality(np.stack([gradient, gradient]), np.stack([gradient, damaged]))
    assert quality(gradient, damaged) < both < 60


def test_false_color_is_the_oklab_distance_of_the_worst_blocks(gradient: Frame) -> None:
    """OKLab's lightness of the grays 119 and 99 is 0.568 and 0.499."""
    gray = np.full_like(gradient, 119)
    changed = gray.copy()
    changed[32:48, 64:80] = 99
    assert measure_false_color(gray[None], gray[None]) == 0
    assert measure_false_color(gray[None], changed[None]) == pytest.approx(0.069, abs=0.002)


def test_dither_is_not_a_false_color(gradient: Frame) -> None:
    gray = np.full_like(gradient, 119)
    dithered = gray.copy()
    dithered[::2, ::2], dithered[1::2, 1::2] = 139, 99
    assert measure_false_color(gray[None], dithered[None]) < 0.005

"""A palette serves one frame; pixels that it would make worse keep their color or are drawn again."""

import numpy as np
import pytest

from chromi.encoder.render.changed_pixels import ChangedFrame
from chromi.encoder.render.frame_quantizer import TRANSPARENT_INDEX, FrameQuantizer
from chromi.encoder.render.oklab import to_oklab
from chromi.encoder.render.pixels import ByteArray, Mask, Pixels, from_rgb, to_rgb

SIZE_PX = 300, 200
PIXELS = 60_000
STEADY = slice(0, 5)
"""So few pixels are no rare color that gets an entry of its own."""


def random_colors(count: int, low: int = 0, high: int = 256) -> Pixels:
    return from_rgb(np.random.default_rng(1).integers(low, high, (count, 3), np.uint8))


def gray(level: int) -> int:
    return 0xFF000000 | level * 0x010101


def mean_error(pixels: Pixels, palette: Pixels) -> float:
    """Return how far the pixels are from their nearest colors in the palette, in OKLab."""
    points, centers = (to_oklab(to_rgb(each)) for each in (pixels, palette[:255]))
    return float(np.sqrt(((points[:, None] - centers) ** 2).sum(-1).min(1)).mean())


def changed(*, where: slice = slice(0)) -> Mask:
    mask = np.zeros(PIXELS, np.bool_)
    mask[where] = True
    return mask


def quantize(quantizer: FrameQuantizer, frame: ChangedFrame) -> tuple[ByteArray, Pixels]:
    """Return the palette entries of all pixels, and the palette."""
    indexes = np.empty(PIXELS, np.uint8)
    palette = quantizer.quantize(frame, indexes)
    assert ((indexes == TRANSPARENT_INDEX) == ~frame.changed).all()
    return indexes, palette


def quantize_complete_frame(quantizer: FrameQuantizer, pixels: Pixels) -> tuple[ByteArray, Pixels]:
    return quantize(quantizer, ChangedFrame(pixels, changed(where=slice(None)), np.zeros_like(pixels)))


def test_worst_pixels_of_a_complete_frame_are_drawn_again() -> None:
    """They get a palette of their own, in which they are nearer to their colors."""
    quantizer, pixels = FrameQuantizer(255, SIZE_PX), random_colors(PIXELS)
    _, first = quantize_complete_frame(quantizer, pixels)
    frame = ChangedFrame(pixels, changed(), pixels)
    _, second = quantize(quantizer, frame)
    redrawn = np.flatnonzero(frame.changed)[:2000]
    assert frame.changed.mean() == pytest.approx(0.2, abs=0.02)
    assert mean_error(pixels[redrawn], second) < 0.8 * mean_error(pixels[redrawn], first)
    last = ChangedFrame(pixels, changed(), pixels)
    quantize(quantizer, last)
    assert not last.changed.any(), "once is enough"


def test_exact_colors_are_not_drawn_again() -> None:
    quantizer, pixels = FrameQuantizer(255, SIZE_PX), np.tile(random_colors(200), PIXELS // 200)
    quantize_complete_frame(quantizer, pixels)
    frame = ChangedFrame(pixels, changed(), pixels)
    quantize(quantizer, frame)
    assert not frame.changed.any()


@pytest.mark.parametrize(("difference", "is_kept"), [(2, True), (120, False)])
def test_steady_pixels_keep_a_color_that_is_better_than_the_palette(difference: int, is_kept: bool) -> None:
    """A few gray pixels change slightly while many colored ones take the whole palette."""
    quantizer = FrameQuantizer(32, SIZE_PX)
    before = np.full(PIXELS, gray(100), np.uint32)
    quantize_complete_frame(quantizer, before)
    for _ in range(6):
        quantize(quantizer, ChangedFrame(before, changed(), before))
    pixels = random_colors(PIXELS, 120)
    pixels[STEADY] = gray(100 + difference)
    frame = ChangedFrame(pixels, changed(where=slice(PIXELS - 1)), before)
    quantize(quantizer, frame)
    assert frame.changed[STEADY].any() != is_kept
    assert frame.changed[5:-1].mean() > 0.95


def test_pixels_that_keep_changing_are_always_drawn() -> None:
    """They are wrong for a frame only, so they are not worth examining."""
    quantizer = FrameQuantizer(32, SIZE_PX)
    for level in (100, 102, 104, 106):
        before, pixels = (random_colors(PIXELS, 120) for _ in range(2))
        before[STEADY], pixels[STEADY] = gray(level - 2), gray(level)
        frame = ChangedFrame(pixels, changed(where=slice(PIXELS - 1)), before)
        quantize(quantizer, frame)
        assert frame.changed[:-1].all()


def test_palette_of_a_frame_without_changes_is_the_one_before() -> None:
    quantizer, pixels = FrameQuantizer(255, SIZE_PX), np.tile(random_colors(200), PIXELS // 200)
    _, first = quantize_complete_frame(quantizer, pixels)
    _, second = quantize(quantizer, ChangedFrame(pixels, changed(), pixels))
    assert (first == second).all()


def test_pixels_get_the_nearest_colors_of_the_palette() -> None:
    pixels = random_colors(PIXELS)
    indexes, palette = quantize_complete_frame(FrameQuantizer(40, SIZE_PX), pixels)
    points, centers = (to_oklab(to_rgb(each)) for each in (pixels, palette[:40]))
    distances = ((points[:, None] - centers) ** 2).sum(-1)
    drawn = distances[np.arange(PIXELS), indexes]
    assert np.sqrt(drawn) == pytest.approx(np.sqrt(distances.min(1)), abs=0.01), (
        "the lowest bit may be ignored"
    )


def test_few_colors_are_exact_however_similar() -> None:
    pixels = np.tile(np.array([gray(level) for level in range(200)], np.uint32), PIXELS // 200)
    indexes, palette = quantize_complete_frame(FrameQuantizer(255, SIZE_PX), pixels)
    assert (palette[indexes] == pixels).all()


def test_dither_draws_a_color_between_two_of_the_palette_in_both() -> None:
    """It alternates by one level, without a change of the mean color."""
    pixels = np.full(PIXELS, gray(101), np.uint32)
    pixels[: PIXELS // 2 : 3], pixels[1 : PIXELS // 2 : 3] = gray(100), gray(102)
    quantizer = FrameQuantizer(2, SIZE_PX, dither=True)
    indexes, palette = quantize_complete_frame(quantizer, pixels)
    drawn = to_rgb(palette[indexes])[PIXELS // 2 :, 0].astype(int)
    assert len(set(drawn)) == 2

"""Distinct colors are found exactly, or, if there are many of them, without their lowest bits."""

import numpy as np
import pytest

from chromi.encoder.render.distinct_colors import DistinctColors
from chromi.encoder.render.pixels import Pixels, from_rgb

PIXELS = 100_000


@pytest.fixture
def distinct() -> DistinctColors:
    return DistinctColors(PIXELS)


def choose_from(colors: Pixels) -> Pixels:
    return np.random.default_rng(1).choice(colors, PIXELS)


@pytest.mark.parametrize("count", [1, 300, 4000])
def test_each_pixel_has_the_number_of_its_color(count: int, distinct: DistinctColors) -> None:
    pixels = choose_from(from_rgb(np.random.default_rng(2).integers(0, 256, (count, 3), np.uint8)))
    colors, numbers = distinct.find(pixels)
    assert (colors[numbers] == pixels).all()
    assert sorted(colors) == sorted(set(pixels))


def test_colors_that_differ_only_in_blue_are_told_apart(distinct: DistinctColors) -> None:
    blues = np.zeros((256, 3), np.uint8)
    blues[:, 2] = np.arange(256)
    pixels = choose_from(from_rgb(blues))
    colors, numbers = distinct.find(pixels)
    assert (colors[numbers] == pixels).all()


def test_fewer_pixels_than_before_are_no_problem(distinct: DistinctColors) -> None:
    distinct.find(choose_from(from_rgb(np.random.default_rng(2).integers(0, 256, (3000, 3), np.uint8))))
    pixels = from_rgb(np.array([[1, 2, 3], [4, 5, 6], [1, 2, 3]], np.uint8))
    colors, numbers = distinct.find(pixels)
    assert (colors[numbers] == pixels).all()


def test_many_colors_lose_only_their_lowest_bits(distinct: DistinctColors) -> None:
    rgb = np.random.default_rng(2).integers(100, 140, (PIXELS, 3), np.uint8)
    colors, numbers = distinct.find(from_rgb(rgb))
    assert (colors[numbers] == from_rgb(rgb & 0xFE)).all()
    assert len(colors) == 20**3

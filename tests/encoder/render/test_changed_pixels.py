"""Only pixels that change visibly or for good are redrawn."""

from collections.abc import Sequence

import numpy as np
import pytest

from chromi.encoder.render.changed_pixels import find_changes
from chromi.encoder.render.pixels import Pixels

OPAQUE = 0xFF000000


def gray(*levels: int) -> Pixels:
    """Return a frame whose pixels have these gray levels."""
    return np.array([OPAQUE | level * 0x010101 for level in levels], np.uint32)


def changes_of(levels: Sequence[int], threshold: int) -> list[bool]:
    """Return whether a pixel is redrawn in each of the frames in which it has these levels."""
    changes = find_changes((gray(level, 0) for level in levels), threshold)
    return [bool(frame.changed[0]) for frame in changes]


def test_first_frame_is_drawn_completely() -> None:
    [first, second] = find_changes([gray(1, 2, 3), gray(1, 2, 3)], 2)
    assert first.changed.all()
    assert not second.changed.any()


@pytest.mark.parametrize("threshold", [0, 2, 8])
def test_changes_above_the_threshold_are_redrawn(threshold: int) -> None:
    levels = [100, 100 + threshold + 1, 100, 100, 100]
    assert changes_of(levels, threshold) == [True, True, True, False, False]


def test_noise_within_the_threshold_is_not_redrawn() -> None:
    assert changes_of([100, 102, 99, 101, 98, 102, 100, 99], 4) == [True] + 7 * [False]


def test_slow_drift_is_redrawn_once_it_exceeds_the_threshold() -> None:
    """The difference counts from the displayed color, not from the frame before."""
    redrawn = changes_of(list(range(100, 120)), 4)
    assert redrawn[:10] == [number % 3 == 0 for number in range(10)], "green counts 1.5 times as much"


def test_small_change_that_lasts_is_redrawn() -> None:
    """Without this, an object that passes slowly would leave a trail."""
    assert changes_of([100, *8 * [102]], 4)[1]
    assert not changes_of([100, 102, 102, 102, 101, 103, 100, 102], 4)[1]


@pytest.mark.parametrize("channel", range(3))
def test_change_of_one_channel_is_redrawn(channel: int) -> None:
    frames = [gray(100), gray(100) + np.uint32(9 << 8 * channel), gray(100)]
    assert [frame.changed[0] for frame in find_changes(frames, 8)] == [True, True, True]


def test_every_frame_is_returned_in_order() -> None:
    frames = [gray(level) for level in range(20)]
    assert [int(frame.pixels[0]) for frame in find_changes(frames, 3)] == [int(frame[0]) for frame in frames]

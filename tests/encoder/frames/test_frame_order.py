"""Which frames are shown, by number: nothing is decoded here."""

import pytest

from chromi.encoder.frames.frame_order import FADE_FRAMES, frames_to_read, order_frames, read_from_s
from chromi.encoder.options import ConversionOptions, Loop, Short

SECONDS = [1.0, 25 / 24, 6.0, 10.0]


def shown(count: int, options: ConversionOptions) -> list[int]:
    """The numbers shown; of a pair the one that fades away."""
    order = order_frames(count, options)
    return [item if isinstance(item, int) else item[0] for item in order.shown]


@pytest.mark.parametrize("duration_s", SECONDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("loop", Loop)
def test_a_clip_that_is_long_enough_gives_the_whole_duration(
    loop: Loop, reverse: bool, duration_s: float
) -> None:
    options = ConversionOptions(20, duration_s, loop=loop, reverse=reverse)
    assert len(shown(frames_to_read(options), options)) == options.frames


@pytest.mark.parametrize("duration_s", SECONDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("short", [Short.REPEAT, Short.BOOMERANG])
@pytest.mark.parametrize("loop", Loop)
def test_a_short_clip_of_any_length_fills_the_duration(
    loop: Loop, short: Short, reverse: bool, duration_s: float
) -> None:
    options = ConversionOptions(20, duration_s, loop=loop, short=short, reverse=reverse)
    for count in range(1, frames_to_read(options) + 1):
        assert len(shown(count, options)) == options.frames


@pytest.mark.parametrize("loop", Loop)
def test_of_a_short_clip_that_is_only_played_something_is_shown(loop: Loop) -> None:
    options = ConversionOptions(loop=loop)
    for count in range(1, frames_to_read(options) + 1):
        assert 1 <= len(shown(count, options)) <= options.frames


def test_a_boomerang_shows_no_frame_twice_at_its_turns() -> None:
    there = list(range(13))
    assert shown(13, ConversionOptions(0, 1, loop=Loop.BOOMERANG)) == [*there, *range(11, 0, -1)]
    assert shown(7, ConversionOptions(0, 1, loop=Loop.BOOMERANG)) == [*range(7), *range(5, 0, -1)]


def test_a_boomerang_of_an_odd_number_of_frames_takes_one_step_of_two() -> None:
    frames = shown(14, ConversionOptions(0, 25 / 24, loop=Loop.BOOMERANG))
    steps = [abs(later - earlier) for earlier, later in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert (len(frames), steps) == (25, [1] * 24 + [2])


@pytest.mark.parametrize("short", [Short.REPEAT, Short.BOOMERANG])
def test_a_boomerang_of_a_short_clip_has_no_seam(short: Short) -> None:
    frames = shown(5, ConversionOptions(0, 1, loop=Loop.BOOMERANG, short=short))
    steps = {abs(later - earlier) for earlier, later in zip(frames, [*frames[1:], frames[0]], strict=True)}
    assert steps == {1}


def test_a_short_clip_goes_back_and_forth_or_repeats() -> None:
    assert shown(10, ConversionOptions(0, 1, short=Short.BOOMERANG)) == [
        *range(10),
        *range(8, 0, -1),
        *range(6),
    ]
    assert shown(10, ConversionOptions(0, 1, short=Short.REPEAT)) == [*range(10), *range(10), *range(4)]


def test_reverse_begins_at_the_end() -> None:
    assert shown(24, ConversionOptions(0, 1, reverse=True)) == list(range(23, -1, -1))
    assert shown(13, ConversionOptions(0, 1, reverse=True, loop=Loop.BOOMERANG))[:14] == [
        *range(12, -1, -1),
        1,
    ]
    repeated = shown(10, ConversionOptions(0, 1, reverse=True, short=Short.REPEAT))
    assert repeated == [*range(9, -1, -1), *range(9, -1, -1), 9, 8, 7, 6]


def test_a_crossfade_ends_in_what_comes_before_its_first_frame() -> None:
    order = order_frames(36, ConversionOptions(3, 1, loop=Loop.CROSSFADE))
    assert order.shown == (*range(12, 24), *zip(range(24, 36), range(12), strict=True))
    assert order.fade_frames == FADE_FRAMES


def test_a_crossfade_in_reverse_ends_in_what_comes_after_the_window() -> None:
    order = order_frames(36, ConversionOptions(3, 1, loop=Loop.CROSSFADE, reverse=True))
    pairs = zip(range(11, -1, -1), range(35, 23, -1), strict=True)
    assert order.shown == (*range(23, 11, -1), *pairs)


def test_a_crossfade_that_repeats_fades_each_time() -> None:
    order = order_frames(60, ConversionOptions(3, 4, loop=Loop.CROSSFADE, short=Short.REPEAT))
    once = (*range(12, 48), *zip(range(48, 60), range(12), strict=True))
    assert order.shown == once * 2


@pytest.mark.parametrize(
    ("options", "from_s"),
    [
        (ConversionOptions(3), 3),
        (ConversionOptions(3, loop=Loop.CROSSFADE), 2.5),
        (ConversionOptions(3, loop=Loop.CROSSFADE, speed=2), 2),
        (ConversionOptions(0.2, loop=Loop.CROSSFADE), 0),
        (ConversionOptions(3, loop=Loop.CROSSFADE, reverse=True), 3),
    ],
)
def test_reading_begins_half_a_second_early_for_a_crossfade(
    options: ConversionOptions, from_s: float
) -> None:
    assert read_from_s(options) == from_s

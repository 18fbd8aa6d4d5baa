"""The order of frames by number, without decoding any."""

import pytest

from chromi.encoder.frames.frame_order import CROSSFADE_FRAMES, frames_to_read, order_frames, read_from_s
from chromi.encoder.options import ConversionOptions, Loop, Short

SECONDS = [1.0, 25 / 24, 6.0, 10.0]


def shown(count: int, options: ConversionOptions) -> list[int]:
    """Return the frame numbers shown; for a pair, its first frame."""
    order = order_frames(count, options)
    return [item if isinstance(item, int) else item[0] for item in order.shown]


@pytest.mark.parametrize("duration_s", SECONDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("loop", Loop)
def test_long_clip_fills_duration(loop: Loop, reverse: bool, duration_s: float) -> None:
    options = ConversionOptions(20, duration_s, loop=loop, reverse=reverse)
    assert len(shown(frames_to_read(options), options)) == options.frames


@pytest.mark.parametrize("duration_s", SECONDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("short", [Short.REPEAT, Short.BOOMERANG])
@pytest.mark.parametrize("loop", Loop)
def test_short_clip_of_any_length_fills_duration_when_repeated(
    loop: Loop, short: Short, reverse: bool, duration_s: float
) -> None:
    options = ConversionOptions(20, duration_s, loop=loop, short=short, reverse=reverse)
    for count in range(1, frames_to_read(options) + 1):
        assert len(shown(count, options)) == options.frames


@pytest.mark.parametrize("loop", Loop)
def test_short_clip_played_once_has_at_least_one_frame(loop: Loop) -> None:
    options = ConversionOptions(loop=loop)
    for count in range(1, frames_to_read(options) + 1):
        assert 1 <= len(shown(count, options)) <= options.frames


def test_boomerang_repeats_no_frame_at_its_ends() -> None:
    forward = list(range(13))
    assert shown(13, ConversionOptions(0, 1, loop=Loop.BOOMERANG)) == [*forward, *range(11, 0, -1)]
    assert shown(7, ConversionOptions(0, 1, loop=Loop.BOOMERANG)) == [*range(7), *range(5, 0, -1)]


def test_boomerang_with_odd_frame_count_skips_one_frame() -> None:
    frames = shown(14, ConversionOptions(0, 25 / 24, loop=Loop.BOOMERANG))
    steps = [abs(later - earlier) for earlier, later in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert (len(frames), steps) == (25, [1] * 24 + [2])


@pytest.mark.parametrize("short", [Short.REPEAT, Short.BOOMERANG])
def test_boomerang_of_short_clip_is_seamless(short: Short) -> None:
    frames = shown(5, ConversionOptions(0, 1, loop=Loop.BOOMERANG, short=short))
    steps = {abs(later - earlier) for earlier, later in zip(frames, [*frames[1:], frames[0]], strict=True)}
    assert steps == {1}


def test_short_clip_is_mirrored_or_repeated() -> None:
    assert shown(10, ConversionOptions(0, 1, short=Short.BOOMERANG)) == [
        *range(10),
        *range(8, 0, -1),
        *range(6),
    ]
    assert shown(10, ConversionOptions(0, 1, short=Short.REPEAT)) == [*range(10), *range(10), *range(4)]


def test_reverse_starts_at_last_frame() -> None:
    assert shown(24, ConversionOptions(0, 1, reverse=True)) == list(range(23, -1, -1))
    assert shown(13, ConversionOptions(0, 1, reverse=True, loop=Loop.BOOMERANG))[:14] == [
        *range(12, -1, -1),
        1,
    ]
    repeated = shown(10, ConversionOptions(0, 1, reverse=True, short=Short.REPEAT))
    assert repeated == [*range(9, -1, -1), *range(9, -1, -1), 9, 8, 7, 6]


def test_crossfade_ends_with_frames_before_its_first_frame() -> None:
    order = order_frames(36, ConversionOptions(3, 1, loop=Loop.CROSSFADE))
    assert order.shown == (*range(12, 24), *zip(range(24, 36), range(12), strict=True))
    assert order.fade_frames == CROSSFADE_FRAMES


def test_reversed_crossfade_ends_with_frames_after_the_window() -> None:
    order = order_frames(36, ConversionOptions(3, 1, loop=Loop.CROSSFADE, reverse=True))
    pairs = zip(range(11, -1, -1), range(35, 23, -1), strict=True)
    assert order.shown == (*range(23, 11, -1), *pairs)


def test_repeated_crossfade_fades_each_time() -> None:
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
def test_reading_begins_half_a_second_earlier_for_crossfade(
    options: ConversionOptions, from_s: float
) -> None:
    assert read_from_s(options) == from_s

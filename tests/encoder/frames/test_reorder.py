"""The kept frames are in the very order in which they are shown, frame by frame."""

from pathlib import Path

import pytest

from chromi.encoder.options import Loop, Short
from tests.encoder.conftest import Keep, clock, counting_clip, lumas

START = 1.0
FIRST = 20 + 24
"""The luma of the frame at START."""


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return counting_clip(tmp_path_factory.mktemp("counting") / "c.mp4", seconds=4)


def mixed(leaving: range, coming: range) -> list[float]:
    """The lumas of an even change from one run of frames to another of the same length."""
    steps = len(leaving) + 1
    return [
        a + (b - a) * step / steps for step, (a, b) in enumerate(zip(leaving, coming, strict=True), start=1)
    ]


def test_a_boomerang_goes_there_and_back(counting: Path, keep: Keep) -> None:
    kept = keep(counting, START, loop=Loop.BOOMERANG)
    assert lumas(kept) == [*range(FIRST, FIRST + 13), *range(FIRST + 11, FIRST, -1)]
    assert clock(kept) == list(range(24))


def test_a_crossfade_has_no_seam(counting: Path, keep: Keep) -> None:
    """The last twelve frames become the twelve that precede the first."""
    kept = keep(counting, START, loop=Loop.CROSSFADE)
    fade = mixed(range(FIRST + 12, FIRST + 24), range(FIRST - 12, FIRST))
    assert lumas(kept) == pytest.approx([*range(FIRST, FIRST + 12), *fade], abs=1)
    assert clock(kept) == list(range(24))
    left = sorted(path.suffix for path in kept.frames_path.parent.iterdir())
    assert left == [".nut", ".txt", ".yuv"], "what was needed in between is gone"


@pytest.mark.slow
def test_a_crossfade_at_the_clips_beginning_starts_half_a_second_later(counting: Path, keep: Keep) -> None:
    frames = lumas(keep(counting, 0, loop=Loop.CROSSFADE))
    assert frames[:12] == list(range(32, 44))
    assert frames[12:] == pytest.approx(mixed(range(44, 56), range(20, 32)), abs=1)


@pytest.mark.slow
def test_a_crossfade_at_the_clips_end_is_shorter(counting: Path, keep: Keep) -> None:
    frames = lumas(keep(counting, 3, 6, loop=Loop.CROSSFADE))
    assert frames[:12] == list(range(20 + 72, 20 + 84))
    assert frames[12:] == pytest.approx(mixed(range(104, 116), range(80, 92)), abs=1)


@pytest.mark.slow
def test_a_crossfade_in_reverse_goes_on_to_what_follows_the_window(counting: Path, keep: Keep) -> None:
    frames = lumas(keep(counting, START, loop=Loop.CROSSFADE, reverse=True))
    assert frames[:12] == list(range(FIRST + 23, FIRST + 11, -1))
    fade = mixed(range(FIRST + 11, FIRST - 1, -1), range(FIRST + 35, FIRST + 23, -1))
    assert frames[12:] == pytest.approx(fade, abs=1)


@pytest.mark.slow
def test_every_fade_of_a_repeated_clip_is_whole(counting: Path, keep: Keep) -> None:
    frames = lumas(keep(counting, 3, 4, loop=Loop.CROSSFADE, short=Short.REPEAT))
    assert len(frames) == 96
    assert frames[:24] == frames[24:48] == frames[48:72] == frames[72:]
    assert frames[12:24] == pytest.approx(mixed(range(104, 116), range(80, 92)), abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("duration_s", [1, 25 / 24, 2.5])
def test_reverse_turns_every_frame(duration_s: float, counting: Path, keep: Keep) -> None:
    kept = keep(counting, START, duration_s, reverse=True)
    count = round(24 * duration_s)
    assert lumas(kept) == list(range(FIRST + count - 1, FIRST - 1, -1))
    assert clock(kept) == list(range(count))


@pytest.mark.slow
def test_a_boomerang_of_an_odd_number_of_frames_stays_as_long(counting: Path, keep: Keep) -> None:
    frames = lumas(keep(counting, START, 25 / 24, loop=Loop.BOOMERANG))
    assert frames == [*range(FIRST, FIRST + 14), *range(FIRST + 12, FIRST + 1, -1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({}, [*range(104, 116)]),
        ({"loop": Loop.BOOMERANG}, [*range(104, 116), *range(114, 104, -1)]),
        ({"short": Short.REPEAT}, [*range(104, 116)] * 2),
        ({"short": Short.BOOMERANG}, [*range(104, 116), *range(114, 104, -1), 104, 105]),
        ({"short": Short.REPEAT, "reverse": True}, [*range(115, 103, -1)] * 2),
    ],
)
def test_a_clip_that_ends_early_fills_the_time_as_asked(
    options: dict[str, object], frames: list[int], counting: Path, keep: Keep
) -> None:
    kept = keep(counting, 3.5, **options)
    assert lumas(kept) == frames
    assert clock(kept) == list(range(len(frames)))


@pytest.mark.slow
@pytest.mark.parametrize(("speed", "step"), [(2.0, 2), (0.5, 0.5), (1.25, 1.25)])
def test_another_speed_takes_other_frames_in_the_same_time(
    speed: float, step: float, counting: Path, keep: Keep
) -> None:
    kept = keep(counting, START, speed=speed)
    assert lumas(kept) == pytest.approx([FIRST + step * number for number in range(24)], abs=0.5)
    assert clock(kept) == list(range(24))


@pytest.mark.slow
def test_a_faster_clip_is_over_sooner(counting: Path, keep: Keep) -> None:
    assert lumas(keep(counting, 3, speed=2.0)) == list(range(92, 116, 2))
    assert keep(counting, 3.97, speed=2.0).count == 1


@pytest.mark.slow
def test_a_faster_crossfade_starts_earlier_in_the_clip(counting: Path, keep: Keep) -> None:
    frames = lumas(keep(counting, START, speed=2.0, loop=Loop.CROSSFADE))
    assert frames[:12] == list(range(FIRST, FIRST + 24, 2))
    assert frames[12:] == pytest.approx(
        mixed(range(FIRST + 24, FIRST + 48, 2), range(FIRST - 24, FIRST, 2)), abs=1
    )


@pytest.mark.slow
def test_speed_does_not_unbind_two_pictures_an_hour_apart(tmp_path: Path, keep: Keep) -> None:
    clip = counting_clip(tmp_path / "c.mp4", seconds=7200, rate=1 / 3600)
    assert keep(clip, duration_s=2, speed=0.5, loop=Loop.CROSSFADE).count == 48

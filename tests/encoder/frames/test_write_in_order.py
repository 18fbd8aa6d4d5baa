"""Extracted frames are stored in display order, frame by frame."""

from pathlib import Path

import pytest

from chromi.encoder.frames.extract import ExtractedFrames
from chromi.encoder.frames.frame_order import FrameOrder
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.write_in_order import reorder_frames
from chromi.encoder.options import Loop, Short
from tests.encoder.conftest import Extract, make_counting_clip, read_lumas, read_timestamps
from tests.support.clips import ffmpeg

START = 1.0
FIRST = 20 + 24
"""The luma of the frame at START."""


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_counting_clip(tmp_path_factory.mktemp("counting") / "c.mp4", seconds=4)


def crossfade(fade_out: range, fade_in: range) -> list[float]:
    """Return the lumas of a linear crossfade between two equally long runs of frames."""
    steps = len(fade_out) + 1
    return [
        a + (b - a) * step / steps for step, (a, b) in enumerate(zip(fade_out, fade_in, strict=True), start=1)
    ]


def test_boomerang_plays_forward_and_back(counting: Path, extract: Extract) -> None:
    extracted = extract(counting, START, loop=Loop.BOOMERANG)
    assert read_lumas(extracted) == [*range(FIRST, FIRST + 13), *range(FIRST + 11, FIRST, -1)]
    assert read_timestamps(extracted) == list(range(24))


def test_crossfade_is_seamless(counting: Path, extract: Extract) -> None:
    """The last twelve frames fade into the twelve before the first one."""
    extracted = extract(counting, START, loop=Loop.CROSSFADE)
    fade = crossfade(range(FIRST + 12, FIRST + 24), range(FIRST - 12, FIRST))
    assert read_lumas(extracted) == pytest.approx([*range(FIRST, FIRST + 12), *fade], abs=1)
    assert read_timestamps(extracted) == list(range(24))
    left = sorted(path.suffix for path in extracted.frames_path.parent.iterdir())
    assert left == [".nut", ".txt", ".yuv"], "temporary files are removed"


@pytest.mark.slow
def test_crossfade_at_start_of_clip_starts_half_a_second_later(counting: Path, extract: Extract) -> None:
    frames = read_lumas(extract(counting, 0, loop=Loop.CROSSFADE))
    assert frames[:12] == list(range(32, 44))
    assert frames[12:] == pytest.approx(crossfade(range(44, 56), range(20, 32)), abs=1)


@pytest.mark.slow
def test_crossfade_at_end_of_clip_is_shorter(counting: Path, extract: Extract) -> None:
    frames = read_lumas(extract(counting, 3, 6, loop=Loop.CROSSFADE))
    assert frames[:12] == list(range(20 + 72, 20 + 84))
    assert frames[12:] == pytest.approx(crossfade(range(104, 116), range(80, 92)), abs=1)


@pytest.mark.slow
def test_reversed_crossfade_fades_into_frames_after_the_window(counting: Path, extract: Extract) -> None:
    frames = read_lumas(extract(counting, START, loop=Loop.CROSSFADE, reverse=True))
    assert frames[:12] == list(range(FIRST + 23, FIRST + 11, -1))
    fade = crossfade(range(FIRST + 11, FIRST - 1, -1), range(FIRST + 35, FIRST + 23, -1))
    assert frames[12:] == pytest.approx(fade, abs=1)


@pytest.mark.slow
def test_every_fade_of_repeated_clip_is_complete(counting: Path, extract: Extract) -> None:
    frames = read_lumas(extract(counting, 3, 4, loop=Loop.CROSSFADE, short=Short.REPEAT))
    assert len(frames) == 96
    assert frames[:24] == frames[24:48] == frames[48:72] == frames[72:]
    assert frames[12:24] == pytest.approx(crossfade(range(104, 116), range(80, 92)), abs=1)


@pytest.mark.slow
def test_fades_that_share_only_some_frames_have_their_own_weights(counting: Path, tmp_path: Path) -> None:
    """In a changing stream, two frames of the clip may be the same stored frame."""
    frames = tmp_path / "frames.avi"
    ffmpeg("-i", counting, "-c:v", "utvideo", frames)
    order = FrameOrder((30, (40, 0), (50, 10), (40, 0), (60, 20)), fade_frames=2)
    writer = FrameWriter(timeout_s=20, max_bytes=10**8, on_tick=lambda frames: None)
    reorder_frames(frames, order, tmp_path / "o.nut", writer)
    shown = read_lumas(ExtractedFrames(tmp_path / "o.nut", 5))
    fades = [(2 * 60 + 20) / 3, (70 + 2 * 30) / 3, (2 * 60 + 20) / 3, (80 + 2 * 40) / 3]
    assert shown == pytest.approx([50, *fades], abs=1)


@pytest.mark.slow
@pytest.mark.parametrize("duration_s", [1, 25 / 24, 2.5])
def test_reverse_reverses_every_frame(duration_s: float, counting: Path, extract: Extract) -> None:
    extracted = extract(counting, START, duration_s, reverse=True)
    count = round(24 * duration_s)
    assert read_lumas(extracted) == list(range(FIRST + count - 1, FIRST - 1, -1))
    assert read_timestamps(extracted) == list(range(count))


@pytest.mark.slow
def test_boomerang_with_odd_frame_count_has_full_length(counting: Path, extract: Extract) -> None:
    frames = read_lumas(extract(counting, START, 25 / 24, loop=Loop.BOOMERANG))
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
def test_short_clip_fills_duration_as_chosen(
    options: dict[str, object], frames: list[int], counting: Path, extract: Extract
) -> None:
    extracted = extract(counting, 3.5, **options)
    assert read_lumas(extracted) == frames
    assert read_timestamps(extracted) == list(range(len(frames)))


@pytest.mark.slow
@pytest.mark.parametrize(("speed", "step"), [(2.0, 2), (0.5, 0.5), (1.25, 1.25)])
def test_speed_changes_frames_but_not_duration(
    speed: float, step: float, counting: Path, extract: Extract
) -> None:
    extracted = extract(counting, START, speed=speed)
    assert read_lumas(extracted) == pytest.approx([FIRST + step * number for number in range(24)], abs=0.5)
    assert read_timestamps(extracted) == list(range(24))


@pytest.mark.slow
def test_faster_clip_ends_sooner(counting: Path, extract: Extract) -> None:
    assert read_lumas(extract(counting, 3, speed=2.0)) == list(range(92, 116, 2))
    assert extract(counting, 3.97, speed=2.0).count == 1


@pytest.mark.slow
def test_faster_crossfade_reads_from_earlier_in_the_clip(counting: Path, extract: Extract) -> None:
    frames = read_lumas(extract(counting, START, speed=2.0, loop=Loop.CROSSFADE))
    assert frames[:12] == list(range(FIRST, FIRST + 24, 2))
    assert frames[12:] == pytest.approx(
        crossfade(range(FIRST + 24, FIRST + 48, 2), range(FIRST - 24, FIRST, 2)), abs=1
    )


@pytest.mark.slow
def test_speed_keeps_frame_count_of_sparse_clip_bounded(tmp_path: Path, extract: Extract) -> None:
    clip = make_counting_clip(tmp_path / "c.mp4", seconds=7200, rate=1 / 3600)
    assert extract(clip, duration_s=2, speed=0.5, loop=Loop.CROSSFADE).count == 48

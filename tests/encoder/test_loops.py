"""find_loops finds the best loop, and its score measures how well it loops."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi.encoder import LoopWindow, find_loops, probe_video
from chromi.encoder.encoder_errors import TimedOut
from chromi.encoder.loops import MAX_SEARCHED_S
from chromi.errors import NotAVideo
from tests.support.clips import ffmpeg, make_clip

MakeClip = Callable[..., Path]

DISC = "lt(hypot(X-W/2-({x}),Y-H/2-({y})),13)"
STRIPES, CHECKS = "lt(mod(X,24),12)", "lt(mod(X,12),6)*lt(mod(Y,18),9)"


@pytest.fixture
def make_shape_clip(tmp_path: Path) -> MakeClip:
    """Return a function that makes a clip which is white where an expression of X, Y and T is 1."""

    def make_shape_clip(
        white: str, *, seconds: float = 10, rate: float = 24, name: str = "c.mp4", noise: int = 0
    ) -> Path:
        shape = f"format=yuv420p,geq=lum='50+150*({white})':cb=128:cr=128"
        grain = f",noise=alls={noise}:allf=t" if noise else ""
        return make_clip(
            tmp_path / name, seconds=seconds, size="160x90", rate=rate, pattern="color=black",
            filters=shape + grain,
        )  # fmt: skip

    return make_shape_clip


def pendulum(period_s: float) -> str:
    return DISC.format(x=f"36*sin(2*PI*T/{period_s})", y="0")


def wandering(time: str) -> str:
    """Return the expression of a disc whose path never repeats a position in the same direction."""
    return DISC.format(x=f"({time})*5-35", y=f"12*sin(({time})*2)")


def scores(windows: list[LoopWindow]) -> list[int]:
    return [window.score for window in windows]


@pytest.mark.slow
def test_full_period_loops_but_half_period_does_not(make_shape_clip: MakeClip) -> None:
    """After half a period the pendulum is in the same position but moves in the other direction."""
    clip = make_shape_clip(pendulum(2))
    assert min(scores(find_loops(clip, duration_s=6))) >= 98
    assert max(scores(find_loops(clip, duration_s=5))) < 75


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "noise"), [(10, 0), (29.97, 0), (60, 0), (30, 25)])
def test_period_is_found_at_any_frame_rate_and_with_noise(
    rate: float, noise: int, make_shape_clip: MakeClip
) -> None:
    clip = make_shape_clip(pendulum(2), rate=rate, noise=noise)
    assert min(scores(find_loops(clip, duration_s=6))) >= 95


@pytest.mark.slow
def test_only_repeated_part_is_ranked_first(make_shape_clip: MakeClip) -> None:
    """The 1.5 seconds that start at 2 s repeat at 8 s."""
    best, second, *_ = find_loops(
        make_shape_clip(wandering("if(between(T,8,9.5),T-6,T)"), seconds=14, noise=25), limit=2
    )
    assert best.score >= 98
    assert 1.9 <= best.start_s <= 3.6
    assert second.score < 20 or 1.9 <= second.start_s <= 3.6


def test_still_image_loops_anywhere(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=9, pattern="smptebars", rate=10, size="160x90")
    assert scores(find_loops(clip, duration_s=6)) == [100] * 3


@pytest.mark.slow
def test_hard_cut_at_the_seam_scores_near_zero(make_shape_clip: MakeClip) -> None:
    clip = make_shape_clip(f"if(lt(T,5),{STRIPES},{CHECKS})")
    assert max(scores(find_loops(clip, duration_s=6))) <= 5
    assert find_loops(clip, duration_s=4)[0].score == 100, "the window is before or after the cut"


@pytest.mark.slow
def test_hard_cut_inside_the_window_does_not_affect_the_score(make_shape_clip: MakeClip) -> None:
    clip = make_shape_clip(f"if(between(T,4,5),{CHECKS},{STRIPES})", seconds=7)
    assert find_loops(clip, duration_s=6)[0] == LoopWindow(0.0, 6, 100)


def test_clip_no_longer_than_the_loop_is_one_window(make_shape_clip: MakeClip) -> None:
    assert find_loops(make_shape_clip(pendulum(2), seconds=2), duration_s=6) == [LoopWindow(0.0, 2.0, 100)]


def test_clip_of_one_frame_is_one_window(make_shape_clip: MakeClip) -> None:
    (window,) = find_loops(make_shape_clip(STRIPES, seconds=1 / 60, rate=60))
    assert window == LoopWindow(0.0, pytest.approx(1 / 60, abs=1e-4), 100)


@pytest.mark.slow
def test_short_clip_that_does_not_loop_has_a_low_score(make_shape_clip: MakeClip) -> None:
    (window,) = find_loops(make_shape_clip(wandering("T*2"), seconds=3))
    assert window.duration_s == pytest.approx(3)
    assert window.score < 20


@pytest.mark.slow
def test_windows_start_far_apart_and_are_sorted_by_score(clip: Path) -> None:
    windows = find_loops(clip, duration_s=2)
    assert scores(windows) == sorted(scores(windows), reverse=True)
    starts_s = sorted(window.start_s for window in windows)
    assert len(starts_s) == 5
    assert all(later - earlier >= 0.999 for earlier, later in zip(starts_s, starts_s[1:], strict=False))
    assert starts_s[-1] + 2 <= probe_video(clip).duration_s + 0.05


@pytest.mark.slow
def test_times_count_from_the_first_frame(make_shape_clip: MakeClip, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    clip = make_shape_clip(wandering("if(between(T,8,9.5),T-6,T)"), seconds=14)
    ffmpeg("-i", clip, "-c", "copy", "-output_ts_offset", "3.7", late)
    assert find_loops(late, limit=1) == find_loops(clip, limit=1)


@pytest.mark.slow
def test_only_ten_minutes_are_searched(make_shape_clip: MakeClip) -> None:
    clip = make_shape_clip("gt(T,5000)", seconds=7200, rate=1 / 3600)
    last = max(window.start_s for window in find_loops(clip, limit=1000))
    assert last == pytest.approx(MAX_SEARCHED_S - 6, abs=1)


@pytest.mark.slow
def test_timeout_limits_how_much_is_searched(heavy_clip: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.mp4"
    ffmpeg("-stream_loop", "9", "-i", heavy_clip, "-c", "copy", long)
    windows = find_loops(long, duration_s=1, limit=100, timeout_s=2)
    assert 0 < max(window.start_s for window in windows) < 90
    with pytest.raises(TimedOut):
        find_loops(long, duration_s=10, timeout_s=0)


def test_exception_from_on_tick_ends_the_search(clip: Path) -> None:
    def stop(fraction: float) -> None:
        assert 0 <= fraction <= 1
        raise KeyboardInterrupt

    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt):
        find_loops(clip, on_tick=stop)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_text_file_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "c.mp4").write_text("no video")
    with pytest.raises(NotAVideo):
        find_loops(tmp_path / "c.mp4")

"""Drawing second by second gives what drawing at once would, and ends at once when it must."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from chromi.encoder.encoder_errors import Cancelled
from chromi.encoder.frames.extract import extract_frames
from chromi.encoder.frames.thumbnails import read_thumbnails
from chromi.encoder.gif import concat
from chromi.encoder.gif.concat import join_parts, read_frames
from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.process.parallel import run_parallel
from chromi.encoder.process.subprocess_runner import Limits
from chromi.encoder.render.ladder import Choice, budget_bytes, choose
from chromi.encoder.render.renderer import FrameStore, Part, RenderSettings, draw
from chromi.encoder.render.sample import choose_sample
from chromi.encoder.source.probe import probe_video
from tests.support.clips import make_clip
from tests.support.processes import converters

LIMITS = Limits(60, 512 * 1024**2)
SMALL = {"width_px": 640, "height_px": 360}
"""For what does not depend on the picture's size."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """Sixty frames that move, in parts of 24, 24 and 12; at 20 a second, so that ten of them are repeated."""
    folder = tmp_path_factory.mktemp("film")
    return make_film(make_clip(folder / "c.mp4", seconds=2.5, rate=20), 2.5, **SMALL)


@pytest.fixture(scope="module")
def half_grainy(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """A second, calm at first and then full of grain."""
    folder = tmp_path_factory.mktemp("grainy")
    grain = "noise=alls=60:allf=t+u:enable='gte(t,0.5)'"
    return make_film(make_clip(folder / "c.mp4", seconds=1, rate=24, filters=grain), 1, **SMALL)


def make_film(clip: Path, seconds: float, **chosen: int) -> FrameStore:
    folder, options = clip.parent, ConversionOptions(duration_s=seconds, **chosen)  # type: ignore[arg-type]
    kept = extract_frames(
        clip, probe_video(clip), options, into=folder, threads=2, timeout_s=60, on_tick=ignore
    )
    strip = read_thumbnails(kept.frames_path, folder, limits=LIMITS, on_tick=lambda: None)
    return FrameStore(kept.frames_path, kept.count, strip, folder)


def ignore(frames: int) -> None:
    """Take a count and do nothing with it."""


def read_pictures(gif_path: Path) -> list[bytes]:
    with Image.open(gif_path) as gif:
        return [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(gif)]


def draw_pictures(film: FrameStore, drawing: RenderSettings, gif_path: Path) -> list[bytes]:
    draw(film, drawing, gif_path, threads=2, timeout_s=60, on_tick=ignore)
    return read_pictures(gif_path)


@pytest.mark.slow
def test_seconds_that_go_on_look_as_if_drawn_at_once(
    film: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts = draw_pictures(film, RenderSettings(colors=32), tmp_path / "parts.gif")
    size_bytes = (tmp_path / "parts.gif").stat().st_size
    monkeypatch.setattr("chromi.encoder.render.renderer._cut", lambda count, drawing, threads: [range(count)])
    assert in_parts == draw_pictures(film, RenderSettings(colors=32), tmp_path / "once.gif")
    assert size_bytes == pytest.approx((tmp_path / "once.gif").stat().st_size, rel=0.02)


@pytest.mark.slow
def test_clear_or_opaque_or_the_smaller_of_both_it_shows_the_same(
    half_grainy: FrameStore, tmp_path: Path
) -> None:
    part = Part(half_grainy, RenderSettings(colors=32), LIMITS, range(half_grainy.count))
    part.write_palette()
    part.draw(lambda: None)
    clear, opaque = part.result.paths
    sizes = [[frame.size_bytes for frame in read_frames(concat.Part([path]))] for path in part.result.paths]
    join_parts([part.result], tmp_path / "o.gif", fps=24)
    assert read_pictures(clear) == read_pictures(opaque) == read_pictures(tmp_path / "o.gif")
    smallest = [min(same) for same in zip(*sizes, strict=True)]
    assert [frame.size_bytes for frame in read_frames(part.result)] == smallest
    assert smallest not in sizes, "each is smaller for some frames"


@pytest.mark.parametrize(
    "drawing",
    [RenderSettings(dither="bayer:bayer_scale=2"), RenderSettings(lossy=80, denoise=4, fps=12, colors=16)],
    ids=["the top of the ladder", "its bottom"],
)
@pytest.mark.slow
def test_every_drawing_keeps_every_frame(drawing: RenderSettings, film: FrameStore, tmp_path: Path) -> None:
    draw(film, drawing, tmp_path / "o.gif", threads=2, timeout_s=60, on_tick=ignore)
    with Image.open(tmp_path / "o.gif") as gif:
        assert gif.n_frames == film.count  # type: ignore[attr-defined]


@pytest.mark.slow
def test_fewer_pictures_a_second_are_shown_longer(film: FrameStore, tmp_path: Path) -> None:
    pictures = draw_pictures(film, RenderSettings(fps=12), tmp_path / "o.gif")
    assert all(pictures[number] == pictures[number + 1] for number in range(0, film.count, 2))
    assert len(set(pictures)) > 20


def test_repeated_frames_are_told_from_those_that_move(film: FrameStore) -> None:
    assert sum(1 for motion in film.strip.motion()[1:] if not motion) == 10


@pytest.mark.slow
def test_a_still_ground_is_estimated_by_its_one_whole_picture(tmp_path: Path) -> None:
    """Noise that stands still, and a small box that rolls over it: a step is a hundredth of the picture."""
    box = "split[a][b];[b]crop=24:24:x='n*8':y=9[c];[a][c]overlay=x='9+n*4':y=20"
    still = "noise=c0s=60,loop=-1:1,setpts=N/24/TB"
    clip = make_clip(tmp_path / "c.mp4", seconds=1, rate=24, filters=f"{still},{box}")
    film = make_film(clip, 1)
    choice = choose(choose_sample(film, LIMITS), ConversionOptions(), threads=2, on_tick=lambda: None)
    draw(
        film,
        choice.ladder[choice.balanced].drawing,
        tmp_path / "o.gif",
        threads=2,
        timeout_s=60,
        on_tick=ignore,
    )
    expected = choice.ladder[choice.balanced].expected_bytes
    assert expected == pytest.approx((tmp_path / "o.gif").stat().st_size, rel=0.15)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameStore, Choice]:
    """A film in the usual size, and what its sample told."""
    film = make_film(make_clip(tmp_path_factory.mktemp("chosen") / "c.mp4", seconds=1.5, rate=20), 1.5)
    return film, choose(choose_sample(film, LIMITS), ConversionOptions(), threads=2, on_tick=lambda: None)


@pytest.mark.slow
@pytest.mark.parametrize("quality", ["small", "balanced", "best"])
def test_the_estimate_is_within_15_percent(
    quality: str, chosen: tuple[FrameStore, Choice], tmp_path: Path
) -> None:
    film, choice = chosen
    options = ConversionOptions(quality=Quality(quality))
    rung = choice.fitting(budget_bytes(options), start=choice.best_rung(options))
    draw(film, choice.ladder[rung].drawing, tmp_path / "o.gif", threads=2, timeout_s=60, on_tick=ignore)
    assert choice.estimates()[quality] == pytest.approx((tmp_path / "o.gif").stat().st_size, rel=0.15)


def test_when_one_must_end_all_end(film: FrameStore, tmp_path: Path) -> None:
    def stop(frames: int) -> None:
        raise Cancelled

    start = time.monotonic()
    with pytest.raises(Cancelled):
        draw(film, RenderSettings(lossy=200), tmp_path / "o.gif", threads=2, timeout_s=60, on_tick=stop)
    assert time.monotonic() - start < 1
    assert converters() == []


def test_the_first_failure_ends_the_others_and_is_what_is_raised() -> None:
    ended: list[str] = []

    def fail(check: Callable[[], None]) -> None:
        raise ValueError("broken")

    def go_on(check: Callable[[], None]) -> None:
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                check()
                time.sleep(0.01)
        except Cancelled:
            ended.append("stopped")
            raise

    with pytest.raises(ValueError, match="broken"):
        run_parallel([go_on, fail], at_once=2, on_tick=lambda: None)
    assert ended == ["stopped"]

"""From a clip to a GIF that keeps the contract; or to nothing, and nothing left lying about."""

import os
import signal
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder import ConversionOptions, ConversionResult, Progress, convert, estimate
from chromi.encoder.encoder_errors import BrokenResult, Cancelled, CannotFit, DiskFull, EncodeError, TimedOut
from chromi.encoder.options import Quality
from chromi.errors import BadOptions, NotAVideo
from tests.support.clips import make_clip
from tests.support.processes import converters

pytestmark = pytest.mark.slow


SMALL = ConversionOptions(duration_s=1, width_px=640, height_px=360)
"""For what does not depend on the picture's size."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "c.mp4", seconds=7, sound=True)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """An empty folder that a conversion may use; what is left in it afterwards is listed by `left`."""
    room = tmp_path / "room"
    room.mkdir()
    return room


def left(room: Path) -> list[str]:
    assert converters() == []
    return sorted(path.name for path in room.iterdir())


def convert_in(
    room: Path, clip: Path, options: ConversionOptions | None = None, **arguments: object
) -> ConversionResult:
    return convert(clip, room / "o.gif", options or ConversionOptions(), work_dir=room / "work", **arguments)  # type: ignore[arg-type]


@dataclass
class Made:
    """A conversion with all defaults, and what it said on the way, with the time of each word."""

    result: ConversionResult
    gif_path: Path
    said: list[tuple[float, Progress]]
    left: list[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    # Few colors that move: six seconds of many would take long to draw, and say no more.
    clip = make_clip(folder / "c.mp4", seconds=7, picture="quadrants", filters="scroll=h=0.01", sound=True)
    room = folder / "room"
    room.mkdir()
    said: list[tuple[float, Progress]] = []
    result = convert_in(room, clip, on_progress=lambda progress: said.append((time.monotonic(), progress)))
    return Made(result, room / "o.gif", said, left(room))


def test_the_promised_file_comes_out(made: Made) -> None:
    result = made.result
    assert made.left == ["o.gif"]
    with Image.open(made.gif_path) as gif:
        assert gif.format == "GIF"
        assert gif.size == (1280, 720)
        assert gif.n_frames == 144  # type: ignore[attr-defined]
        assert gif.info["loop"] == 0
        assert "comment" not in gif.info
        delays = [gif.seek(frame) or gif.info["duration"] for frame in range(144)]
    assert sum(delays) == 6000
    assert set(delays) == {40, 50}
    assert (result.frames, result.duration_cs, result.width_px, result.height_px) == (144, 600, 1280, 720)
    assert result.bytes == made.gif_path.stat().st_size
    assert set(result.seconds) == {"reading", "choosing", "encoding", "checking"}
    assert ConversionResult.from_dict(result.to_dict()) == result


def test_progress_goes_forward_over_every_step_and_ends_whole(made: Made) -> None:
    seen = [progress for _, progress in made.said]
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(dict.fromkeys(progress.step for progress in seen)) == [
        "reading",
        "choosing",
        "encoding",
        "checking",
    ]


def test_the_heart_beats_all_the_time(made: Made) -> None:
    beats = [when for when, _ in made.said]
    assert max(later - earlier for earlier, later in zip(beats, beats[1:], strict=False)) < 0.5


def test_a_clip_that_ends_early_gives_a_shorter_gif(clip: Path, room: Path) -> None:
    result = convert_in(room, clip, replace(SMALL, start_s=6.5))
    assert (result.frames, result.duration_cs) == (12, 50)


def test_a_still_picture_shows_as_long_as_its_file_says(room: Path) -> None:
    Image.new("RGB", (64, 36), "red").save(room / "still.gif")
    result = convert_in(room, room / "still.gif", SMALL)
    assert result.frames == 2, "a GIF frame without a delay is a tenth of a second"
    assert left(room) == ["o.gif", "still.gif"]


def test_a_gif_without_movement_keeps_all_its_frames(room: Path) -> None:
    clip = make_clip(room / "c.mp4", seconds=2, picture="color=red")
    assert convert_in(room, clip, SMALL).frames == 24


@pytest.mark.parametrize(
    ("step", "after_s"), [("reading", 0.1), ("choosing", 0.1), ("encoding", 0.1), ("checking", 0.0)]
)
def test_stopping_ends_everything_within_a_second(step: str, after_s: float, clip: Path, room: Path) -> None:
    steps: list[str] = []
    asked: list[float] = []

    def should_stop() -> bool:
        if steps[-1] == step and not asked:
            asked.append(time.monotonic())
        return bool(asked) and time.monotonic() >= asked[0] + after_s  # in the middle of it

    with pytest.raises(Cancelled):
        convert_in(
            room,
            clip,
            ConversionOptions(duration_s=1),
            should_stop=should_stop,
            on_progress=lambda progress: steps.append(progress.step),
        )
    assert time.monotonic() - asked[0] < 1
    assert left(room) == []


def test_an_interrupt_ends_everything_and_goes_on(clip: Path, room: Path) -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))

    def convert_interrupted() -> None:
        timer.start()
        convert_in(room, clip)

    with pytest.raises(KeyboardInterrupt):
        convert_interrupted()
    timer.join()
    assert left(room) == []


def test_too_long_is_too_long(clip: Path, room: Path) -> None:
    start = time.monotonic()
    with pytest.raises(TimedOut):
        convert_in(room, clip, timeout_s=0.3)
    assert time.monotonic() - start < 1.3
    assert left(room) == []


def test_an_earlier_result_survives_a_failure(clip: Path, room: Path) -> None:
    (room / "o.gif").write_bytes(b"earlier")
    with pytest.raises(TimedOut):
        convert_in(room, clip, timeout_s=0.3)
    assert (room / "o.gif").read_bytes() == b"earlier"


def test_an_observer_that_fails_ends_it(clip: Path, room: Path) -> None:
    def fail(progress: Progress) -> None:
        raise LookupError(progress.step)

    with pytest.raises(LookupError):
        convert_in(room, clip, on_progress=fail)
    assert left(room) == []


def test_a_start_after_the_end_is_refused(clip: Path, room: Path) -> None:
    with pytest.raises(BadOptions, match="only 00:00:07"):
        convert_in(room, clip, ConversionOptions(start_s=8))
    assert left(room) == []


def test_what_is_no_video_is_refused(room: Path) -> None:
    (room / "c.mp4").write_text("hello")
    with pytest.raises(NotAVideo):
        convert_in(room, room / "c.mp4")
    assert left(room) == ["c.mp4"]


def test_a_missing_source_is_an_error_of_ours(room: Path) -> None:
    with pytest.raises(EncodeError, match="No such file"):
        convert_in(room, room / "gone.mp4")


def test_a_result_that_breaks_the_contract_is_not_published(
    clip: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chromi.encoder.gif.concat.LOOP_FOREVER", b"")  # plays once
    with pytest.raises(BrokenResult, match="an endless loop"):
        convert_in(room, clip, SMALL)
    assert left(room) == []


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("reading", "frames.nut"),
        ("reading", "strip.rgb"),
        ("choosing", "256-none-0.clear.gif"),
        ("choosing", "256-none-0.opaque.gif"),
        ("choosing", "../.chromi-o.try.gif"),
    ],
    ids=["keeping frames", "their strip", "drawing", "drawing opaque", "joining"],
)
def test_a_full_disk_is_said_plainly_wherever_it_fills(
    step: str, name: str, clip: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "o")
    (room / "o.gif").write_bytes(b"the one before")

    def fill(progress: Progress) -> None:
        if progress.step == step and not (room / "work" / name).is_symlink():
            (room / "work" / name).symlink_to("/dev/full")

    with pytest.raises(DiskFull, match="out of disk space"):
        convert_in(room, clip, replace(SMALL, quality=Quality.BEST), on_progress=fill)
    assert left(room) == ["o.gif"]
    assert (room / "o.gif").read_bytes() == b"the one before"


def test_what_a_killed_run_left_behind_is_not_taken_for_kept_frames(clip: Path, room: Path) -> None:
    (room / "work").mkdir()
    (room / "work" / "frames.nut").write_bytes(b"half a file")
    assert convert_in(room, clip, SMALL).frames == 24


def test_the_work_folder_may_be_called_anything(clip: Path, room: Path) -> None:
    odd = room / "it's, a:b [c]; d\\e"
    assert convert(clip, room / "o.gif", SMALL, work_dir=odd).frames == 24


def test_the_same_pictures_are_read_once(clip: Path, room: Path) -> None:
    frames = room / "frames.nut"
    convert_in(room, clip, SMALL, frame_cache_path=frames)
    first = (room / "o.gif").read_bytes()
    result = convert_in(room, room / "gone.mp4", SMALL, frame_cache_path=frames)
    assert (room / "o.gif").read_bytes() == first
    assert result.seconds["reading"] < 1
    assert left(room) == ["frames.nut", "o.gif"]


def test_kept_frames_may_go_while_they_are_used(clip: Path, room: Path) -> None:
    frames = room / "frames.nut"
    convert_in(room, clip, SMALL, frame_cache_path=frames)
    result = convert_in(
        room,
        clip,
        SMALL,
        frame_cache_path=frames,
        on_progress=lambda progress: frames.unlink(missing_ok=True),
    )
    assert result.frames == 24
    assert left(room) == ["o.gif"]


def test_an_estimate_leaves_the_frames_for_the_export(clip: Path, room: Path) -> None:
    frames = room / "frames.nut"
    sizes = estimate(clip, ConversionOptions(duration_s=1), work_dir=room / "work", frame_cache_path=frames)
    assert left(room) == ["frames.nut"]
    assert list(sizes) == ["small", "balanced", "best"]
    result = convert_in(room, room / "gone.mp4", ConversionOptions(duration_s=1), frame_cache_path=frames)
    assert result.estimates == sizes
    assert sizes["balanced"] == pytest.approx(result.bytes, rel=0.15)


def test_it_fits_under_the_size_that_was_asked_for(clip: Path, room: Path) -> None:
    result = convert_in(room, clip, ConversionOptions(duration_s=1, max_mb=0.5))
    assert result.bytes <= 500_000
    assert result.frames == 24
    assert left(room) == ["o.gif"]


def test_what_does_not_fit_says_so_and_leaves_nothing(clip: Path, room: Path) -> None:
    with pytest.raises(CannotFit, match=r"does not fit under 0\.1 MB.* takes \d"):
        convert_in(room, clip, ConversionOptions(duration_s=1, max_mb=0.1))
    assert left(room) == []

"""A conversion writes a GIF that meets the output contract, or nothing, and leaves no other files."""

import os
import signal
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageSequence, ImageStat

from chromi.db import LEASE_S
from chromi.encoder import ConversionOptions, ConversionResult, Progress, convert, estimate
from chromi.encoder.encoder_errors import BrokenResult, Cancelled, CannotFit, EncodeError, TimedOut
from chromi.encoder.options import Loop, Quality
from chromi.errors import BadOptions, DiskFull, NotAVideo
from tests.support.clips import ffmpeg, make_clip
from tests.support.processes import find_ffmpeg_processes

pytestmark = pytest.mark.slow

MEDIUM_SIZE = ConversionOptions(duration_s=1, width_px=640, height_px=360)
"""For tests in which each step must take a while."""
SMALL_SIZE = ConversionOptions(duration_s=1, width_px=320, height_px=180)
"""For tests that do not depend on the frame size."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "c.mp4", seconds=7, audio=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for the files of a conversion."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def list_files(folder: Path) -> list[str]:
    """Return the names of the remaining files; fail if a subprocess is still running."""
    assert find_ffmpeg_processes() == []
    return sorted(path.name for path in folder.iterdir())


def convert_in(
    folder: Path, clip: Path, options: ConversionOptions | None = None, **arguments: object
) -> ConversionResult:
    options = options or ConversionOptions()
    return convert(clip, folder / "o.gif", options, work_dir=folder / "work", **arguments)  # type: ignore[arg-type]


@dataclass
class Converted:
    """A conversion of six seconds, its progress reports with their times, and the remaining files."""

    result: ConversionResult
    gif_path: Path
    reports: list[tuple[float, Progress]]
    files: list[str]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    clips_dir = tmp_path_factory.mktemp("converted")
    # Few moving colors: six seconds of many colors would take longer and test nothing else.
    clip = make_clip(clips_dir / "c.mp4", seconds=7, pattern="quadrants", filters="scroll=h=0.01", audio=True)
    folder = clips_dir / "folder"
    folder.mkdir()
    reports: list[tuple[float, Progress]] = []
    result = convert_in(
        folder,
        clip,
        replace(MEDIUM_SIZE, duration_s=ConversionOptions.duration_s),
        on_progress=lambda progress: reports.append((time.monotonic(), progress)),
    )
    return Converted(result, folder / "o.gif", reports, list_files(folder))


def test_result_meets_the_output_contract(converted: Converted) -> None:
    result = converted.result
    assert converted.files == ["o.gif"]
    with Image.open(converted.gif_path) as gif:
        assert gif.format == "GIF"
        assert gif.size == (640, 360)
        assert gif.n_frames == 144  # type: ignore[attr-defined]
        assert gif.info["loop"] == 0
        assert "comment" not in gif.info
        delays_ms = [gif.seek(frame) or gif.info["duration"] for frame in range(144)]
    assert sum(delays_ms) == 6000
    assert set(delays_ms) == {40, 50}
    assert (result.frames, result.duration_cs, result.width_px, result.height_px) == (144, 600, 640, 360)
    assert result.bytes == converted.gif_path.stat().st_size
    assert set(result.seconds) == {"reading", "choosing", "encoding", "checking"}
    assert ConversionResult.from_dict(result.to_dict()) == result


def test_progress_increases_to_1_across_all_steps(converted: Converted) -> None:
    reports = [progress for _, progress in converted.reports]
    fractions = [progress.fraction for progress in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    steps = list(dict.fromkeys(progress.step for progress in reports))
    assert steps == ["reading", "choosing", "encoding", "checking"]


def test_progress_is_reported_much_more_often_than_a_lease_expires(converted: Converted) -> None:
    times_s = [time_s for time_s, _ in converted.reports]
    assert max(later - earlier for earlier, later in pairwise(times_s)) < LEASE_S / 10


def test_progress_moves_while_colors_are_chosen(converted: Converted) -> None:
    fractions = [progress.fraction for _, progress in converted.reports if progress.step == "choosing"]
    assert len(set(fractions)) > 3
    assert fractions == sorted(fractions)
    assert fractions[-1] < 0.7


def test_clip_that_ends_early_gives_a_shorter_gif(clip: Path, folder: Path) -> None:
    result = convert_in(folder, clip, replace(SMALL_SIZE, start_s=6.5))
    assert (result.frames, result.duration_cs) == (12, 50)


def test_still_image_has_the_duration_of_its_file(folder: Path) -> None:
    Image.new("RGB", (64, 36), "red").save(folder / "still.gif")
    result = convert_in(folder, folder / "still.gif", SMALL_SIZE)
    assert result.frames == 2, "a GIF frame without a delay lasts a tenth of a second"
    assert list_files(folder) == ["o.gif", "still.gif"]


@pytest.mark.parametrize("options", [{}, {"loop": Loop.CROSSFADE}, {"reverse": True}])
def test_clip_of_one_frame_gives_a_gif_of_one_frame(options: dict[str, Any], folder: Path) -> None:
    """The frame lasts for less than half a frame of the GIF, and for a quarter at twice the speed."""
    clip = make_clip(folder / "c.mp4", seconds=1 / 60, rate=60)
    for speed in (1.0, 2.0):
        result = convert_in(folder, clip, replace(SMALL_SIZE, speed=speed, **options))
        assert (result.frames, result.duration_cs) == (1, 4)


def test_clip_without_motion_has_all_frames(folder: Path) -> None:
    clip = make_clip(folder / "c.mp4", seconds=2, pattern="color=red")
    assert convert_in(folder, clip, SMALL_SIZE).frames == 24


@pytest.mark.parametrize(
    ("step", "after_s"), [("reading", 0.1), ("choosing", 0.1), ("encoding", 0.1), ("checking", 0.0)]
)
def test_cancellation_stops_each_step(step: str, after_s: float, clip: Path, folder: Path) -> None:
    steps: list[str] = []
    cancelled_at: list[float] = []

    def should_stop() -> bool:
        if steps[-1] == step and not cancelled_at:
            cancelled_at.append(time.monotonic() + after_s)  # in the middle of the step
        return bool(cancelled_at) and time.monotonic() >= cancelled_at[0]

    with pytest.raises(Cancelled):
        convert_in(
            folder,
            clip,
            replace(MEDIUM_SIZE, duration_s=1.5),  # not so short that the sample becomes the result
            should_stop=should_stop,
            on_progress=lambda progress: steps.append(progress.step),
        )
    assert time.monotonic() - cancelled_at[0] < 5
    assert list_files(folder) == []


def test_keyboard_interrupt_stops_conversion_and_is_raised(clip: Path, folder: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == "choosing":  # ffmpeg and other threads are running
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        convert_in(folder, clip, on_progress=interrupt)
    assert list_files(folder) == []


def test_timeout_stops_conversion(clip: Path, folder: Path) -> None:
    start = time.monotonic()
    with pytest.raises(TimedOut):
        convert_in(folder, clip, timeout_s=0.3)
    assert time.monotonic() - start < 5
    assert list_files(folder) == []


def test_failure_leaves_existing_result(clip: Path, folder: Path) -> None:
    (folder / "o.gif").write_bytes(b"existing")
    with pytest.raises(TimedOut):
        convert_in(folder, clip, timeout_s=0.3)
    assert (folder / "o.gif").read_bytes() == b"existing"


def test_exception_from_on_progress_stops_conversion(clip: Path, folder: Path) -> None:
    def fail(progress: Progress) -> None:
        raise LookupError(progress.step)

    with pytest.raises(LookupError):
        convert_in(folder, clip, on_progress=fail)
    assert list_files(folder) == []


def test_start_after_end_of_clip_is_rejected(clip: Path, folder: Path) -> None:
    with pytest.raises(BadOptions, match="only 00:00:07"):
        convert_in(folder, clip, ConversionOptions(start_s=8))
    assert list_files(folder) == []


def test_text_file_is_rejected(folder: Path) -> None:
    (folder / "c.mp4").write_text("hello")
    with pytest.raises(NotAVideo):
        convert_in(folder, folder / "c.mp4")
    assert list_files(folder) == ["c.mp4"]


def test_missing_source_raises_encode_error(folder: Path) -> None:
    with pytest.raises(EncodeError, match="No such file"):
        convert_in(folder, folder / "missing.mp4")


def test_result_that_violates_the_contract_is_not_published(
    clip: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chromi.encoder.gif.concat.LOOP_FOREVER", b"")  # plays once
    with pytest.raises(BrokenResult, match="an endless loop"):
        convert_in(folder, clip, SMALL_SIZE)
    assert list_files(folder) == []


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("reading", "frames.nut"),
        ("reading", "thumbnails.rgb"),
        ("choosing", "changed.gif"),
        ("choosing", "256-0.clear.gif"),
        ("choosing", "../.chromi-o.try.gif"),
    ],
    ids=["frames", "thumbnails", "changed pixels", "transparent pixels", "concatenation"],
)
def test_full_disk_is_reported_in_every_step(
    step: str, name: str, clip: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "o")
    (folder / "o.gif").write_bytes(b"existing")

    def fill_disk(progress: Progress) -> None:
        if progress.step == step and not (folder / "work" / name).is_symlink():
            (folder / "work" / name).symlink_to("/dev/full")

    with pytest.raises(DiskFull, match="out of disk space"):
        convert_in(folder, clip, replace(MEDIUM_SIZE, duration_s=0.5, max_mb=0.1), on_progress=fill_disk)
    assert list_files(folder) == ["o.gif"]
    assert (folder / "o.gif").read_bytes() == b"existing"


def test_files_of_a_killed_conversion_are_not_reused(clip: Path, folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work" / "frames.nut").write_bytes(b"incomplete")
    assert convert_in(folder, clip, SMALL_SIZE).frames == 24


def test_work_dir_name_may_contain_special_characters(clip: Path, folder: Path) -> None:
    work_dir = folder / "it's, a:b [c]; d\\e"
    assert convert(clip, folder / "o.gif", SMALL_SIZE, work_dir=work_dir).frames == 24


def test_cached_frames_are_reused(clip: Path, folder: Path) -> None:
    cache_path = folder / "frames.nut"
    convert_in(folder, clip, SMALL_SIZE, frame_cache_path=cache_path)
    first = (folder / "o.gif").read_bytes()
    result = convert_in(folder, folder / "missing.mp4", SMALL_SIZE, frame_cache_path=cache_path)
    assert (folder / "o.gif").read_bytes() == first
    assert result.seconds["reading"] < 1
    assert list_files(folder) == ["frames.nut", "o.gif"]


def test_cached_frames_may_be_removed_during_conversion(clip: Path, folder: Path) -> None:
    cache_path = folder / "frames.nut"
    convert_in(folder, clip, SMALL_SIZE, frame_cache_path=cache_path)
    result = convert_in(
        folder,
        clip,
        SMALL_SIZE,
        frame_cache_path=cache_path,
        on_progress=lambda progress: cache_path.unlink(missing_ok=True),
    )
    assert result.frames == 24
    assert list_files(folder) == ["o.gif"]


def test_estimate_caches_frames_for_the_conversion(clip: Path, folder: Path) -> None:
    cache_path = folder / "frames.nut"
    estimates = estimate(clip, SMALL_SIZE, work_dir=folder / "work", frame_cache_path=cache_path)
    assert list_files(folder) == ["frames.nut"]
    assert list(estimates) == ["small", "balanced", "best"]
    result = convert_in(folder, folder / "missing.mp4", SMALL_SIZE, frame_cache_path=cache_path)
    assert result.estimates == {quality: estimated.bytes for quality, estimated in estimates.items()}
    assert estimates["balanced"].bytes == pytest.approx(result.bytes, rel=0.15)


def test_estimate_of_a_clip_whose_last_second_moves_more(folder: Path) -> None:
    """None of the frames that are measured has as much motion."""
    clip, source = folder / "c.mp4", "s=320x180:r=24"
    ffmpeg(
        *("-f", "lavfi", "-i", f"life={source}:mold=10:ratio=0.02:seed=1,trim=end=5,gblur=1"),
        *("-f", "lavfi", "-i", f"testsrc2={source},trim=end=1,scroll=h=0.03"),
        *("-filter_complex", "[0][1]concat", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", clip),
    )
    options = replace(SMALL_SIZE, duration_s=6, quality=Quality.BEST)
    expected_bytes = estimate(clip, options, work_dir=folder / "work")["best"].bytes
    result = convert_in(folder, clip, options)
    assert expected_bytes == pytest.approx(result.bytes, rel=0.25)


def test_estimate_names_loss_of_detail(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames per second alone do not make it small enough."""
    clip = make_clip(folder / "c.mp4", seconds=1, pattern="quadrants", filters="scroll=h=0.01")
    monkeypatch.setattr("chromi.encoder.render.ladder.SMALL_BYTES", 20_000)
    estimates = estimate(clip, SMALL_SIZE, work_dir=folder / "work")
    assert [estimates[quality].is_lossy for quality in ("small", "balanced", "best")] == [True, False, False]


def test_estimate_writes_stills_of_each_quality(clip: Path, folder: Path) -> None:
    stills_dir = folder / "stills"
    stills_dir.mkdir()
    options = replace(SMALL_SIZE, duration_s=1.1)
    estimate(clip, options, work_dir=folder / "work", stills_dir=stills_dir)
    assert list_files(stills_dir) == ["balanced.png", "best.png", "small.png"]
    result = convert_in(folder, clip, options)
    with Image.open(folder / "o.gif") as gif, Image.open(stills_dir / "balanced.png") as still:
        assert still.size == (320, 180)
        differences = [
            ImageStat.Stat(ImageChops.difference(frame.convert("RGB"), still)).mean
            for frame in ImageSequence.all_frames(gif)
        ]
    assert result.frames == 26
    nearest, second, *_ = sorted(max(difference) for difference in differences)
    assert nearest < 0.5 * second, "the still shows one of the frames"


def test_result_fits_max_mb(clip: Path, folder: Path) -> None:
    result = convert_in(folder, clip, replace(SMALL_SIZE, max_mb=0.06))
    assert result.bytes <= 60_000
    assert 12 <= result.frames < 24, "frames are given up before colors"
    assert result.duration_cs == 100
    assert result.drawing["colors"] >= 64
    assert list_files(folder) == ["o.gif"]


def test_best_quality_steps_down_to_the_largest_gif_allowed(
    clip: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chromi.encoder.render.ladder.MAX_GIF_BYTES", 60_000)
    result = convert_in(folder, clip, replace(SMALL_SIZE, quality=Quality.BEST))
    assert 12 <= result.frames < 24
    assert result.bytes <= 60_000


def test_max_mb_that_cannot_be_met_is_an_error(clip: Path, folder: Path) -> None:
    with pytest.raises(CannotFit, match=r"smaller than \d.* MB without.* limit is 0\.02 MB"):
        convert_in(folder, clip, replace(SMALL_SIZE, max_mb=0.02))
    assert list_files(folder) == []

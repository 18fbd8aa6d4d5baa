"""Rendering in segments gives the same GIF as rendering at once, and stops promptly when canceled."""

import os
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from chromi.encoder.encoder_errors import Cancelled, ConverterKilled
from chromi.encoder.frames.extract import extract_frames
from chromi.encoder.frames.thumbnails import read_thumbnails
from chromi.encoder.gif.concat import EncodedSegment, concat_segments, get_delays_cs, read_frames
from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.ladder import Ladder, build_ladder
from chromi.encoder.render.render_settings import FrameStore, RenderSettings
from chromi.encoder.render.renderer import render_gif
from chromi.encoder.render.sample import Sampler
from chromi.encoder.render.segment_renderer import Segment, split_frames
from chromi.encoder.source.probe import probe_video
from tests.support.clips import make_clip
from tests.support.processes import find_ffmpeg_processes

LIMITS = ProcessLimits(60, 512 * 1024**2)
MEDIUM_SIZE = {"width_px": 640, "height_px": 360}
"""For tests of processes that must run for a while, and of estimates."""
SMALL_SIZE = {"width_px": 320, "height_px": 180}
"""For tests that do not depend on the frame size."""


def ignore(frames: int) -> None:
    """Accept a number of frames and do nothing."""


render = partial(render_gif, threads=2, timeout_s=60, on_tick=ignore)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """Sixty frames in segments of 24, 24 and 12. The clip has 20 fps, so ten frames are repeated."""
    folder = tmp_path_factory.mktemp("store")
    return make_store(make_clip(folder / "c.mp4", seconds=2.5, rate=20), 2.5, **MEDIUM_SIZE)


@pytest.fixture(scope="module")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """The frames of `store`, but small."""
    folder = tmp_path_factory.mktemp("small")
    return make_store(make_clip(folder / "c.mp4", seconds=2.5, rate=20), 2.5, **SMALL_SIZE)


@pytest.fixture(scope="module")
def all_frames(small_store: FrameStore, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The pixels of each frame at the full frame rate."""
    return render_images(small_store, RenderSettings(), tmp_path_factory.mktemp("all") / "all.gif")


@pytest.fixture(scope="module")
def half_grainy(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """One second, without grain in the first half and with grain in the second."""
    folder = tmp_path_factory.mktemp("grainy")
    grain = "noise=alls=60:allf=t+u:enable='gte(t,0.5)'"
    return make_store(make_clip(folder / "c.mp4", seconds=1, rate=24, filters=grain), 1, **MEDIUM_SIZE)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameStore, Ladder]:
    """Frames and their ladder."""
    clip = make_clip(tmp_path_factory.mktemp("measured") / "c.mp4", seconds=1.5, rate=20)
    store = make_store(clip, 1.5, **MEDIUM_SIZE)
    return store, measure(store)


def test_sample_of_short_clip_is_its_gif(half_grainy: FrameStore, tmp_path: Path) -> None:
    settings = RenderSettings(local_palettes=True, threshold=2)
    sampler = Sampler(half_grainy, LIMITS, threads=2, on_tick=lambda: None)
    sampler.measure([settings])
    render(half_grainy, settings, tmp_path / "o.gif")
    assert sampler.complete_gifs[settings].read_bytes() == (tmp_path / "o.gif").read_bytes()


def make_store(clip: Path, seconds: float, **options: int) -> FrameStore:
    folder = clip.parent
    conversion_options = ConversionOptions(duration_s=seconds, **options)  # type: ignore[arg-type]
    extracted = extract_frames(
        clip,
        probe_video(clip),
        conversion_options,
        output_dir=folder,
        threads=2,
        timeout_s=60,
        on_tick=ignore,
    )
    thumbnails = read_thumbnails(extracted.frames_path, folder, limits=LIMITS, on_tick=lambda: None)
    size_px = (conversion_options.width_px, conversion_options.height_px)
    return FrameStore(extracted.frames_path, extracted.count, size_px, thumbnails, folder)


def measure(store: FrameStore) -> Ladder:
    sampler = Sampler(store, LIMITS, threads=2, on_tick=lambda: None)
    return build_ladder(sampler, ConversionOptions())


def read_images(gif_path: Path) -> list[bytes]:
    with Image.open(gif_path) as gif:
        return [frame.convert("RGB").tobytes() for frame in ImageSequence.Iterator(gif)]


def difference(image: bytes, other: bytes) -> float:
    """Return the mean difference of two images, in levels."""
    pixels, other_pixels = (np.frombuffer(levels, np.uint8).astype(np.int16) for levels in (image, other))
    return float(np.abs(pixels - other_pixels).mean())


def render_images(store: FrameStore, settings: RenderSettings, gif_path: Path) -> list[bytes]:
    render(store, settings, gif_path)
    return read_images(gif_path)


@pytest.mark.slow
def test_segments_give_the_same_images_as_one_rendering(
    small_store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_segments = render_images(small_store, RenderSettings(colors=32), tmp_path / "segments.gif")
    size_bytes = (tmp_path / "segments.gif").stat().st_size
    monkeypatch.setattr(
        "chromi.encoder.render.renderer.split_frames",
        lambda store, settings, limits, threads: [Segment(store, settings, limits, range(store.frame_count))],
    )
    assert in_segments == render_images(small_store, RenderSettings(colors=32), tmp_path / "once.gif")
    assert size_bytes == pytest.approx((tmp_path / "once.gif").stat().st_size, rel=0.02)


@pytest.mark.slow
def test_one_segment_may_have_most_of_the_bytes(half_grainy: FrameStore, tmp_path: Path) -> None:
    render(half_grainy, RenderSettings(), tmp_path / "o.gif")
    limits = ProcessLimits(60, (tmp_path / "o.gif").stat().st_size)
    for segment in split_frames(half_grainy, RenderSettings(), limits, threads=8):
        segment.render(lambda: None)


@pytest.mark.slow
def test_smallest_encoding_of_each_frame_shows_the_same_images(
    half_grainy: FrameStore, tmp_path: Path
) -> None:
    segment = Segment(half_grainy, RenderSettings(colors=32), LIMITS, range(half_grainy.frame_count))
    segment.write_palette()
    segment.render(lambda: None)
    transparent, opaque = segment.encoded.paths
    sizes = [
        [frame.size_bytes for frame in read_frames(EncodedSegment([path]))] for path in segment.encoded.paths
    ]
    frame_count = half_grainy.frame_count
    concat_segments([segment.encoded], tmp_path / "o.gif", get_delays_cs(range(frame_count), frame_count))
    assert read_images(transparent) == read_images(opaque) == read_images(tmp_path / "o.gif")
    smallest = [min(alternatives) for alternatives in zip(*sizes, strict=True)]
    assert [frame.size_bytes for frame in read_frames(segment.encoded)] == smallest
    assert smallest not in sizes, "each encoding is smaller for some frames"


@pytest.mark.parametrize(
    "settings",
    [
        RenderSettings(lossy=80, denoise=4, fps=12, colors=16),
        RenderSettings(local_palettes=True, threshold=2),
        RenderSettings(local_palettes=True, dither=True),
        RenderSettings(local_palettes=True, threshold=32, fps=15, colors=24),
    ],
    ids=["smallest", "local palettes", "dithered", "smallest with local palettes"],
)
@pytest.mark.slow
def test_all_settings_render_the_shown_frames(
    settings: RenderSettings, small_store: FrameStore, tmp_path: Path
) -> None:
    render(small_store, settings, tmp_path / "o.gif")
    with Image.open(tmp_path / "o.gif") as gif:
        assert gif.n_frames == len(settings.kept_frames(small_store.frame_count))  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize(("fps", "local_palettes"), [(12, False), (15, True), (20, False)])
def test_lower_frame_rate_shows_the_right_frames(
    fps: int, local_palettes: bool, small_store: FrameStore, all_frames: list[bytes], tmp_path: Path
) -> None:
    """Each frame looks most like the frame of the clip at its time, compared with those around it."""
    settings = RenderSettings(fps=fps, local_palettes=local_palettes)
    kept = settings.kept_frames(small_store.frame_count)
    for number, image in zip(kept, render_images(small_store, settings, tmp_path / "o.gif"), strict=True):
        nearby = range(max(0, number - 3), min(small_store.frame_count, number + 4))
        errors = {other: difference(image, all_frames[other]) for other in nearby}
        assert errors[number] == min(errors.values())


def test_repeated_frames_have_no_motion(small_store: FrameStore) -> None:
    assert sum(1 for motion in small_store.thumbnails.motion()[1:] if not motion) == 10


@pytest.mark.slow
def test_estimate_counts_static_background_once(tmp_path: Path) -> None:
    """A small box moves over static noise: a frame takes a hundredth of the bytes of the first one."""
    box = "split[a][b];[b]crop=24:24:x='n*8':y=9[c];[a][c]overlay=x='9+n*4':y=20"
    static = "noise=c0s=60,loop=-1:1,setpts=N/24/TB"
    clip = make_clip(tmp_path / "c.mp4", seconds=1, rate=24, filters=f"{static},{box}")
    store = make_store(clip, 1, **MEDIUM_SIZE)
    ladder = measure(store)
    rung = ladder.rungs[ladder.balanced_start]
    render(store, rung.settings, tmp_path / "o.gif")
    assert rung.expected_bytes == pytest.approx((tmp_path / "o.gif").stat().st_size, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("quality", ["small", "balanced", "best"])
def test_estimate_is_within_15_percent(
    quality: str, measured: tuple[FrameStore, Ladder], tmp_path: Path
) -> None:
    store, ladder = measured
    options = ConversionOptions(quality=Quality(quality))
    index = ladder.find_fitting(ladder.budget_bytes(options), start=ladder.start_index(options))
    render(store, ladder.rungs[index].settings, tmp_path / "o.gif")
    size_bytes = (tmp_path / "o.gif").stat().st_size
    assert ladder.rungs_by_quality()[options.quality].expected_bytes == pytest.approx(size_bytes, rel=0.15)


def test_settings_in_json_have_documented_names() -> None:
    settings = RenderSettings(colors=64)
    assert settings.to_dict() == {
        **{name: value for name, value in asdict(settings).items() if name != "unchanged_pixels"},
        "kinds": ("clear", "opaque"),
    }


@pytest.mark.parametrize(
    "settings", [RenderSettings(lossy=200), RenderSettings(local_palettes=True)], ids=["segments", "pipeline"]
)
def test_cancellation_stops_all_processes(
    settings: RenderSettings, store: FrameStore, tmp_path: Path
) -> None:
    def cancel(frames: int) -> None:
        raise Cancelled

    start = time.monotonic()
    with pytest.raises(Cancelled):
        render(store, settings, tmp_path / "o.gif", on_tick=cancel)
    assert time.monotonic() - start < 5
    assert find_ffmpeg_processes() == []


@pytest.mark.parametrize("role", ["decoder", "encoder"])
def test_killed_process_of_the_pipeline_is_an_error(role: str, store: FrameStore, tmp_path: Path) -> None:
    killed: list[str] = []

    def kill_when_both_run(frames: int) -> None:
        pipeline = [process for process in find_ffmpeg_processes() if "rawvideo" in process.cmdline()]
        if frames and len(pipeline) == 2 and not killed:
            is_decoder = ["nut" in process.cmdline() for process in pipeline]
            pipeline[is_decoder.index(role == "decoder")].kill()
            killed.append(role)

    open_before = os.listdir("/proc/self/fd")
    with pytest.raises(ConverterKilled):
        render(store, RenderSettings(local_palettes=True), tmp_path / "o.gif", on_tick=kill_when_both_run)
    assert killed
    assert find_ffmpeg_processes() == []
    assert os.listdir("/proc/self/fd") == open_before, "no pipe stays open"


def test_pipeline_closes_its_pipes(store: FrameStore, tmp_path: Path) -> None:
    open_before = os.listdir("/proc/self/fd")
    render(store, RenderSettings(local_palettes=True), tmp_path / "o.gif")
    assert os.listdir("/proc/self/fd") == open_before

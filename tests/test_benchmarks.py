"""The encoder benchmark runs and writes its results."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import encoder
from benchmarks.clips import WINDOW_S, Clip
from benchmarks.comparison import Comparison, Measurement
from benchmarks.drawings import Frame, draw_cartoon, draw_glow, draw_particles
from benchmarks.equal_bytes import NotMeasured, interpolate_gifski
from benchmarks.filters import HEIGHT_PX, TO_RGB, WIDTH_PX
from benchmarks.labels import Box, place_label
from benchmarks.quality import Quality, expand, measure_flicker, sample_frames
from benchmarks.scenes import LARGE, SCENES
from benchmarks.targets import Target, check_targets, is_calm
from benchmarks.tools import BALANCED, BEST
from chromi.encoder.frames.color_filters import BT709_TO_BGRA
from chromi.encoder.source.video_info import VideoInfo
from tests.support.clips import ffmpeg, make_clip

SCENES_BY_NAME = {scene.name: scene for scene in SCENES}
QUALITY = Quality(144, 6.0, 24.0, 255, 80.0, 75.0, 0.5, 95.0, 90.0, 1.0, 40.0, 0)


def make_lossless(path: Path, source: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "utvideo", path)
    return path


def make_measurement(size_mb: float, wall_s: float = 10, **quality: float | None) -> Measurement:
    figures = replace(QUALITY, **quality)  # type: ignore[arg-type]
    return Measurement("tool", wall_s, 2 * wall_s, 200_000_000, (wall_s,), round(size_mb * 1e6), figures)


def make_comparison(scene: str = "", **measurements: Measurement) -> Comparison:
    info = VideoInfo("mov", "h264", 1280, 720, 6.0, 24.0, 0.0, "yuv420p", "bt709", "bt709")
    clip = Clip("clip.mp4", Path("clip.mp4"), 0, info, scene=SCENES_BY_NAME.get(scene))
    named = {key.replace("_", "-"): measurement for key, measurement in measurements.items()}
    return Comparison(clip, measurements=named)


def find_target(comparison: Comparison, requirement: str) -> Target:
    (target,) = (target for target in check_targets(comparison) if requirement in target.requirement)
    return target


@pytest.mark.slow
def test_benchmark_writes_figures_tables_and_chart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Few colors: with many, the dither of plain ffmpeg takes half a minute.
    clip = make_clip(tmp_path / "clip.mp4", seconds=6.5, pattern="quadrants", filters="scroll=h=0.01")
    short = make_clip(tmp_path / "short.mp4", seconds=1, size="64x64")
    results = tmp_path / "results"
    options = ["--every", "48", "--ssimulacra2-every", "144", "--results", str(results)]

    encoder.main(["--only", "balanced,split", *options, str(clip), str(short)])

    results_json = json.loads((results / "results.json").read_text())
    assert results_json["skipped"].keys() == {"short.mp4"}
    assert results_json["versions"].keys() == {"chromi", "ffmpeg", "python"}
    (comparison,) = results_json["clips"]
    assert comparison["name"] == "clip.mp4"
    assert comparison["missing"] == {}
    for key in ("balanced", "split"):
        tool = comparison["tools"][key]
        assert tool["wall_s"] > 0
        assert tool["cpu_s"] > 0
        assert tool["peak_bytes"] > 10e6
        assert tool["bytes"] > 10_000
        assert tool["quality"]["frames"] == 144
        assert tool["quality"]["ssimulacra2"] >= tool["quality"]["ssimulacra2_min"] > 60
        assert tool["quality"]["flicker"] < 3
        assert tool["quality"]["vmaf"] > 80
        assert tool["quality"]["blurred_psnr_db"] > 30
        assert abs(tool["quality"]["offset_frames"]) <= 1
    assert "Chromi balanced" in (results / "results.md").read_text()
    assert "| clip" in (results / "summary.md").read_text()
    assert "short.mp4 is skipped: 1.00 s is shorter" in capsys.readouterr().out
    assert str(tmp_path) not in (results / "results.json").read_text()
    with Image.open(results / "size-quality.png") as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 24) or ()}
        assert (0xD9, 0x48, 0x2B) in colors  # the color of Chromi's dots


@pytest.mark.slow
def test_tools_and_reference_convert_to_the_same_rgb_as_chromi(tmp_path: Path) -> None:
    frames = []
    for number, filters in enumerate((f"{TO_RGB},format=bgra", BT709_TO_BGRA)):
        path = tmp_path / f"{number}.raw"
        # The matrix of the clip does not matter here, only that both conversions read the same frames.
        edges = "testsrc2=s=1280x720,format=yuv420p,setparams=colorspace=bt709"
        ffmpeg("-f", "lavfi", "-i", f"{edges},{filters}", "-frames:v", "1", "-f", "rawvideo", path)
        frames.append(np.fromfile(path, np.uint8).reshape(-1, 4)[:, :3].astype(int))
    assert np.abs(frames[0] - frames[1]).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "seconds", "fps"),
    [
        (12, 6, 12),  # each frame is shown twice
        (24, 6, 24),  # its delays are 4 and 5 cs
        (25, 5.76, 24),  # MoviePy's delay of 4 cs: frames are compared by number
    ],
)
def test_gif_is_expanded_to_24_fps(tmp_path: Path, rate: int, seconds: float, fps: int) -> None:
    gif = tmp_path / "out.gif"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=320x180:r={rate}:d={seconds}", gif)

    shown = expand(gif, tmp_path / "shown.nut", seconds)

    assert len(shown.first_shown) == WINDOW_S * 24
    assert shown.fps == fps
    assert list(shown.first_shown[:4]) == ([0, 0, 2, 2] if fps == 12 else [0, 1, 2, 3])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gif", "source", "flicker"),
    [
        ("null", "null", 0.0),
        ("drawbox=t=fill:color=0x8a8a8a:enable='mod(n,2)'", "null", 10.0),
        ("null", "noise=alls=60:allf=t", None),  # nothing is still
    ],
)
def test_flicker_is_the_change_of_the_gif_where_the_clip_is_still(
    tmp_path: Path, gif: str, source: str, flicker: float | None
) -> None:
    gray = f"color=0x808080:s={WIDTH_PX}x{HEIGHT_PX}:r=24:d=0.5,format="
    shown = make_lossless(tmp_path / "shown.nut", f"{gray}rgb24,{gif},format=gbrp")
    reference = make_lossless(tmp_path / "reference.nut", f"{gray}yuv420p,{source}")
    assert measure_flicker(shown, reference, 12, offset=0) == (flicker and pytest.approx(flicker))


def test_sampled_frames_are_spread_over_every_position() -> None:
    assert sample_frames(144, 24) == [5, 36, 67, 74, 105, 136]
    assert sample_frames(3, 24) == [0]


def test_gifski_is_interpolated_over_the_logarithm_of_its_bytes() -> None:
    comparison = make_comparison(
        balanced=make_measurement(math.sqrt(2 * 8)),
        gifski_50=make_measurement(2, 10, ssimulacra2=60, vmaf=80, flicker=1),
        gifski_100=make_measurement(8, 30, ssimulacra2=80, vmaf=90, flicker=2),
    )
    gifski = interpolate_gifski(comparison, BALANCED)
    figures = (gifski.ssimulacra2, gifski.vmaf, gifski.wall_s, gifski.cpu_s)
    assert figures == pytest.approx((70, 85, 20, 40))
    assert gifski.flicker in (1, 2)
    assert gifski.note == ""


@pytest.mark.parametrize(
    ("size_mb", "note"), [(1.2, "below 1.3 MB"), (1.5, "smaller than gifski's smallest, 2.0 MB")]
)
def test_gifski_is_not_extrapolated_to_smaller_gifs(size_mb: float, note: str) -> None:
    comparison = make_comparison(balanced=make_measurement(size_mb), gifski_50=make_measurement(2))
    with pytest.raises(NotMeasured, match=note):
        interpolate_gifski(comparison, BALANCED)
    target = find_target(comparison, "balanced: SSIMULACRA2")
    assert target.is_met is None
    assert note in target.measured_text


def test_larger_gif_is_compared_with_the_largest_of_gifski() -> None:
    comparison = make_comparison(
        best=make_measurement(9),
        gifski_50=make_measurement(2),
        gifski_100=make_measurement(8, ssimulacra2=85),
    )
    gifski = interpolate_gifski(comparison, BEST)
    assert (gifski.bytes, gifski.ssimulacra2, gifski.note) == (8_000_000, 85, "gifski's largest, 8.0 MB")


@pytest.mark.parametrize(
    ("measured", "limit", "is_minimum", "is_strict", "is_met"),
    [
        (0.5, 0.5, False, False, True),
        (0.51, 0.5, False, False, False),
        (88.0, 88.0, True, False, True),
        (0.0, 0.0, True, True, False),
        (None, 1.0, False, False, None),
    ],
)
def test_target_is_met_up_to_its_limit(
    measured: float | None, limit: float, is_minimum: bool, is_strict: bool, is_met: bool | None
) -> None:
    target = Target("clip", "gifski", "wall", "×", measured, limit, is_minimum, is_strict)
    assert target.is_met is is_met


@pytest.mark.parametrize(
    ("scene", "margin", "wall"), [("film", 8, 0.5), ("water", 8, 0.5), ("glow", 2, 1), ("", 0, 0.5)]
)
def test_margins_depend_on_the_kind_of_clip(scene: str, margin: float, wall: float) -> None:
    comparison = make_comparison(
        scene,
        balanced=make_measurement(20, ssimulacra2=70 + margin),
        plain=make_measurement(40, wall_s=10 / wall),
        gifski_90=make_measurement(20, wall_s=30, ssimulacra2=70),
    )
    for requirement in (f"SSIMULACRA2 at least {margin:+g}", f"wall at most {wall:g}×", "flicker", "CPU"):
        assert find_target(comparison, requirement).is_met


def test_film_needs_many_colors_at_a_limited_size() -> None:
    comparison = make_comparison("film", balanced=make_measurement(31, colors=29, ssimulacra2=61))
    requirements = ("at most 30 MB", "64 colors", "SSIMULACRA2 at least 62")
    assert [find_target(comparison, each).is_met for each in requirements] == [False] * 3


@pytest.mark.parametrize(("scene", "is_met"), [("film", False), ("glow", True)])
def test_best_is_compared_with_the_highest_quality_of_gifski(scene: str, is_met: bool) -> None:
    best, gifski = make_measurement(8.7, ssimulacra2=79.5), make_measurement(8, ssimulacra2=79.5)
    comparison = make_comparison(scene, best=best, gifski_100=gifski)
    assert find_target(comparison, "best: SSIMULACRA2").is_met is is_met
    assert find_target(comparison, "best: bytes").is_met


def test_clip_is_calm_if_its_scene_is_or_plain_ffmpeg_makes_it_small() -> None:
    assert is_calm(make_comparison("gradient", plain=make_measurement(40)))
    assert is_calm(make_comparison(plain=make_measurement(11)))
    assert not is_calm(make_comparison(plain=make_measurement(13)))


def test_targets_of_tools_that_were_not_selected_are_left_out() -> None:
    assert {target.baseline for target in check_targets(make_comparison(balanced=make_measurement(5)))} == {
        "memory"
    }


def test_scenes_cover_the_kinds_of_clips() -> None:
    assert SCENES_BY_NAME.keys() == {
        *("film", "fur", "water", "render", "particles", "glow", "gradient", "screen", "cartoon")
    }
    calm = {name for name, scene in SCENES_BY_NAME.items() if scene.is_calm}
    assert calm == {"particles", "glow", "gradient", "screen", "cartoon"}
    assert all(scene.graph.endswith("[out]") and scene.seconds >= WINDOW_S for scene in (*SCENES, LARGE))


@pytest.mark.slow
@pytest.mark.parametrize("draw", [draw_particles, draw_glow, draw_cartoon])
def test_drawn_frames_fill_the_picture_and_move(draw: Callable[[], Iterator[Frame]]) -> None:
    first, second = (frame for frame, _ in zip(draw(), range(2), strict=False))
    assert first.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert first.dtype == np.uint8
    assert (first != second).any()


def test_chart_labels_do_not_overlap() -> None:
    inside = Box(0, 0, 200, 100)
    occupied: list[Box] = []
    for _ in range(5):
        label_box = place_label(100, 50, 60, 12, inside=inside, occupied=occupied)
        assert label_box
        assert inside.contains(label_box)
        assert not any(label_box.overlaps(other) for other in occupied)
        occupied.append(label_box)

"""The encoder benchmark runs and writes its results."""

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import encoder
from benchmarks.comparison import find_quality_above
from benchmarks.labels import Box, place_label
from benchmarks.targets import Target
from tests.support.clips import make_clip


@pytest.mark.slow
def test_benchmark_writes_figures_tables_and_chart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Few colors: with many, the dither of plain ffmpeg takes half a minute.
    clip = make_clip(tmp_path / "clip.mp4", seconds=6.5, pattern="quadrants", filters="scroll=h=0.01")
    short = make_clip(tmp_path / "short.mp4", seconds=1, size="64x64")
    results = tmp_path / "results"

    encoder.main(
        ["--only", "balanced,split", "--every", "24", "--results", str(results), str(clip), str(short)]
    )

    results_json = json.loads((results / "results.json").read_text())
    assert results_json["skipped"].keys() == {"short.mp4"}
    assert results_json["versions"].keys() == {"chromi", "ffmpeg", "python"}
    (comparison,) = results_json["clips"]
    assert comparison["name"] == "clip.mp4"
    assert comparison["missing"] == {}
    for key in ("balanced", "split"):
        tool = comparison["tools"][key]
        assert 0 < tool["wall_s"] < 60
        assert tool["cpu_s"] > 0
        assert tool["peak_bytes"] > 10e6
        assert tool["bytes"] > 10_000
        assert tool["quality"]["frames"] == 144
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


def test_gifski_quality_is_the_lowest_that_reaches_the_size() -> None:
    assert [find_quality_above(size, lambda quality: quality * 10) for size in (5, 10, 735, 1000, 1001)] == [
        *(1, 1, 74, 100, 100)
    ]


@pytest.mark.parametrize(
    ("measured", "limit", "is_minimum", "is_met"),
    [
        (0.5, 0.5, False, True),
        (0.51, 0.5, False, False),
        (0.0, 0.0, False, False),  # a limit of 0 must not be reached
        (88.0, 88.0, True, True),
        (None, 1.0, False, None),
    ],
)
def test_target_is_met_up_to_its_limit(
    measured: float | None, limit: float, is_minimum: bool, is_met: bool | None
) -> None:
    assert Target("clip", "gifski", "wall", "×", measured, limit, (), is_minimum).is_met is is_met


def test_chart_labels_do_not_overlap() -> None:
    inside = Box(0, 0, 200, 100)
    occupied: list[Box] = []
    for _ in range(5):
        label_box = place_label(100, 50, 60, 12, inside=inside, occupied=occupied)
        assert label_box
        assert inside.contains(label_box)
        assert not any(label_box.overlaps(other) for other in occupied)
        occupied.append(label_box)

"""The encoder matches the table of test vectors that it shares with the studio."""

import json
from pathlib import Path
from typing import Any

import pytest

from chromi.encoder.frames.extract import extract_frames
from chromi.encoder.frames.frame_order import order_frames
from chromi.encoder.options import ConversionOptions
from chromi.encoder.source.probe import probe_video
from tests.support.clips import make_clip
from tests.support.frame_order_vectors import PATH, count_frames, decode, make_options, make_table

pytestmark = pytest.mark.slow

TABLE: dict[str, Any] = json.loads(PATH.read_text())


def test_table_matches_encoder() -> None:
    assert make_table() == TABLE, "to update it, run python -m tests.support.frame_order_vectors"


def test_runs_decode_to_frames_shown() -> None:
    for case in TABLE["orders"]:
        options = make_options(case)
        for count, text in case["shown"].items():
            assert tuple(decode(text)) == order_frames(int(count), options).shown


@pytest.fixture(scope="module")
def clip_with_frames(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make and cache clips of a given number of frames at 24 fps."""
    folder, made = tmp_path_factory.mktemp("clips"), {}

    def make(frames: int) -> Path:
        if frames not in made:
            path = folder / f"{frames}.mp4"
            made[frames] = make_clip(path, seconds=frames / 24, size="64x36", rate=24)
        return made[frames]

    return make


@pytest.mark.parametrize(
    ("frames", "speed"),
    [(1, 1.0), (13, 1.25), (14, 1.25), (15, 1.25), (16, 1.25), (13, 2.0), (12, 0.5), (40, 1.0)],
)
def test_frame_count_matches_ffmpeg(clip_with_frames: Any, tmp_path: Path, frames: int, speed: float) -> None:
    clip = clip_with_frames(frames)
    options = ConversionOptions(duration_s=1.0, speed=speed, width_px=320, height_px=180)
    info = probe_video(clip)
    extracted = extract_frames(
        clip, info, options, output_dir=tmp_path, threads=1, timeout_s=30, on_tick=lambda _: None
    )
    assert extracted.count == count_frames(options, 0.0, info.duration_s)

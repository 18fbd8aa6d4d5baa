"""The encoder's side of the table that tests/browser/test_order_vectors.py holds the studio to."""

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

TABLE: dict[str, Any] = json.loads(PATH.read_text())


def test_the_table_is_what_the_encoder_does() -> None:
    assert make_table() == TABLE, "write it again: python -m tests.support.frame_order_vectors"


def test_runs_stand_for_the_frames_that_are_shown() -> None:
    for case in TABLE["orders"]:
        options = make_options(case)
        for count, text in case["shown"].items():
            assert tuple(decode(text)) == order_frames(int(count), options).shown


@pytest.fixture(scope="module")
def clips_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small clip of so many frames, 24 a second; each is made once."""
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
def test_the_count_of_frames_is_what_ffmpeg_finds(
    clips_of: Any, tmp_path: Path, frames: int, speed: float
) -> None:
    clip = clips_of(frames)
    options = ConversionOptions(duration_s=1.0, speed=speed, width_px=320, height_px=180)
    info = probe_video(clip)
    kept = extract_frames(
        clip, info, options, output_dir=tmp_path, threads=1, timeout_s=30, on_tick=lambda _: None
    )
    assert kept.count == count_frames(options, 0.0, info.duration_s)

"""What the encoder's tests share: the kept frames of a clip, to be looked at as pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder.frames import KeptFrames, keep_frames
from chromi.encoder.probe import probe_video
from chromi.encoder.recipe import Recipe
from tests.clips import ffmpeg

Keep = Callable[..., KeptFrames]
Look = Callable[[Path], Image.Image]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Run pass 1 alone on a window of a clip."""

    def keep(clip: Path, start_s: float = 0.0, duration_s: float = 1.0) -> KeptFrames:
        into = tmp_path / f"kept-{clip.name}"
        into.mkdir(exist_ok=True)
        recipe = Recipe(start_s, duration_s)
        return keep_frames(
            clip, probe_video(clip), recipe, into=into, threads=2, timeout_s=60, on_tick=lambda frames: None
        )

    return keep


@pytest.fixture
def look(keep: Keep, tmp_path: Path) -> Look:
    """Return the first picture of a clip as the GIF will have it."""

    def look(clip: Path) -> Image.Image:
        png = tmp_path / f"{clip.name}.png"
        ffmpeg("-i", keep(clip).frames_path, "-frames:v", "1", "-update", "1", png)
        with Image.open(png) as image:
            return image.convert("RGB")

    return look


def lumas(kept: KeptFrames) -> list[int]:
    """Return the brightness (16 to 235) of the top left pixel of every kept frame."""
    raw = kept.frames_path.with_suffix(".yuv")
    ffmpeg("-i", kept.frames_path, "-vf", "crop=2:2:0:0,format=yuv420p", "-f", "rawvideo", raw)
    return list(raw.read_bytes()[::6])


def is_near(pixel: tuple[int, ...], wanted: tuple[int, int, int], tolerance: int = 24) -> bool:
    return all(abs(got - want) <= tolerance for got, want in zip(pixel, wanted, strict=True))

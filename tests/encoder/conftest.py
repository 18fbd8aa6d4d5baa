"""What the encoder's tests share: extract the frames of a clip and read their pixels."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chromi.encoder.frames.extract import ExtractedFrames, extract_frames
from chromi.encoder.options import ConversionOptions
from chromi.encoder.source.probe import probe_video
from tests.support.clips import ffmpeg, make_clip

Extract = Callable[..., ExtractedFrames]
FirstFrame = Callable[..., Image.Image]

FULL_SIZE = {"width_px": ConversionOptions.width_px, "height_px": ConversionOptions.height_px}

COUNTING_FILTERS = "format=yuv420p,geq=lum=20+N:cb=128:cr=128,setparams=colorspace=bt709:range=tv"
"""Makes frame N a uniform gray of luma 20 + N."""


def make_counting_clip(path: Path, *, seconds: float = 6, rate: float = 24, codec: str = "libx264") -> Path:
    """Make a clip in which each frame's luma is its number plus 20."""
    quality = ("-qp", "0", "-g", "48", "-bf", "2") if codec == "libx264" else ("-crf", "4", "-b:v", "2M")
    return make_clip(
        path,
        seconds=seconds,
        rate=rate,
        size="32x18",
        pattern="color=black",
        filters=COUNTING_FILTERS,
        codec=codec,
        options=quality,
    )


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    """Run pass 1 on a window of a clip, by default at a small size. It probes a clip once."""
    probe_once = cache(lambda clip, modified_ns: probe_video(clip))

    def extract(clip: Path, start_s: float = 0.0, duration_s: float = 1.0, **options: Any) -> ExtractedFrames:
        output_dir = tmp_path / f"extracted-{clip.name}"
        output_dir.mkdir(exist_ok=True)
        small = {"width_px": 128, "height_px": 72}
        return extract_frames(
            clip,
            probe_once(clip, clip.stat().st_mtime_ns),
            ConversionOptions(start_s, duration_s, **{**small, **options}),
            output_dir=output_dir,
            threads=2,
            timeout_s=60,
            on_tick=lambda frames: None,
        )

    return extract


@pytest.fixture
def first_frame(extract: Extract) -> FirstFrame:
    """Return the first extracted frame of a clip, at the GIF's full size."""

    def first_frame(clip: Path, **options: Any) -> Image.Image:
        return read_frame(extract(clip, **{"duration_s": 0.1, **FULL_SIZE, **options}), 0)

    return first_frame


def read_frame(extracted: ExtractedFrames, number: int) -> Image.Image:
    """Return an extracted frame in RGB."""
    bmp = extracted.frames_path.with_suffix(".bmp")
    select = f"select=eq(n\\,{number})"
    ffmpeg("-i", extracted.frames_path, "-vf", select, "-frames:v", "1", "-update", "1", bmp)
    with Image.open(bmp) as image:
        return image.convert("RGB")


def read_lumas(extracted: ExtractedFrames, x: int = 0, y: int = 0) -> list[int]:
    """Return the luma (16 to 235) of one pixel of every extracted frame. `x` and `y` are even."""
    raw = extracted.frames_path.with_suffix(".yuv")
    ffmpeg("-i", extracted.frames_path, "-vf", f"crop=2:2:{x}:{y},format=yuv420p", "-f", "rawvideo", raw)
    return list(raw.read_bytes()[::6])


def read_timestamps(extracted: ExtractedFrames) -> list[float]:
    """Return the timestamp of each extracted frame, in units of 1/24 s."""
    listing = extracted.frames_path.with_suffix(".txt")
    ffmpeg("-i", extracted.frames_path, "-c", "copy", "-f", "framecrc", listing)
    lines = listing.read_text().splitlines()
    (base,) = (line.split(": ")[1] for line in lines if line.startswith("#tb 0"))
    return [float(int(line.split(",")[2]) * Fraction(base) * 24) for line in lines if line[0] != "#"]


def is_close_to(pixel: tuple[int, ...], color: tuple[int, int, int], tolerance: int = 24) -> bool:
    return all(abs(actual - wanted) <= tolerance for actual, wanted in zip(pixel, color, strict=True))

"""What the encoder's tests share: the kept frames of a clip, to be looked at as pictures."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chromi.encoder.frames.extract import ExtractedFrames, extract_frames
from chromi.encoder.options import ConversionOptions
from chromi.encoder.source.probe import probe_video
from tests.support.clips import ffmpeg, make_clip

Keep = Callable[..., ExtractedFrames]
Look = Callable[..., Image.Image]

FULL = {"width_px": ConversionOptions.width_px, "height_px": ConversionOptions.height_px}


# Frame number n is a plain gray of luma 20 + n.
COUNTING = "format=yuv420p,geq=lum=20+N:cb=128:cr=128,setparams=colorspace=bt709:range=tv"


def counting_clip(path: Path, *, seconds: float = 6, rate: float = 24, codec: str = "libx264") -> Path:
    quality = ("-qp", "0", "-g", "48", "-bf", "2") if codec == "libx264" else ("-crf", "4", "-b:v", "2M")
    return make_clip(
        path,
        seconds=seconds,
        rate=rate,
        size="32x18",
        picture="color=black",
        filters=COUNTING,
        codec=codec,
        options=quality,
    )


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Run pass 1 alone on a window of a clip; in small, as most tests only ask which frames there are."""

    def keep(clip: Path, start_s: float = 0.0, duration_s: float = 1.0, **options: Any) -> ExtractedFrames:
        into = tmp_path / f"kept-{clip.name}"
        into.mkdir(exist_ok=True)
        options = ConversionOptions(start_s, duration_s, **{"width_px": 128, "height_px": 72, **options})
        return extract_frames(
            clip,
            probe_video(clip),
            options,
            output_dir=into,
            threads=2,
            timeout_s=60,
            on_tick=lambda frames: None,
        )

    return keep


@pytest.fixture
def look(keep: Keep) -> Look:
    """Return the first picture of a clip as the GIF will have it."""

    def look(clip: Path, **options: Any) -> Image.Image:
        return first_picture(keep(clip, **{"duration_s": 0.1, **FULL, **options}))

    return look


def first_picture(kept: ExtractedFrames) -> Image.Image:
    return picture_number(kept, 0)


def picture_number(kept: ExtractedFrames, number: int) -> Image.Image:
    bmp = kept.frames_path.with_suffix(".bmp")
    ffmpeg("-i", kept.frames_path, "-vf", f"select=eq(n\\,{number})", "-frames:v", "1", "-update", "1", bmp)
    with Image.open(bmp) as image:
        return image.convert("RGB")


def lumas(kept: ExtractedFrames, x: int = 0, y: int = 0) -> list[int]:
    """Return the brightness (16 to 235) of one pixel of every kept frame, x and y even."""
    raw = kept.frames_path.with_suffix(".yuv")
    ffmpeg("-i", kept.frames_path, "-vf", f"crop=2:2:{x}:{y},format=yuv420p", "-f", "rawvideo", raw)
    return list(raw.read_bytes()[::6])


def clock(kept: ExtractedFrames) -> list[float]:
    """Return when each kept frame is shown, in frames of 1/24 s."""
    listing = kept.frames_path.with_suffix(".txt")
    ffmpeg("-i", kept.frames_path, "-c", "copy", "-f", "framecrc", listing)
    lines = listing.read_text().splitlines()
    (base,) = (line.split(": ")[1] for line in lines if line.startswith("#tb 0"))
    return [float(int(line.split(",")[2]) * Fraction(base) * 24) for line in lines if line[0] != "#"]


def is_near(pixel: tuple[int, ...], wanted: tuple[int, int, int], tolerance: int = 24) -> bool:
    return all(abs(got - want) <= tolerance for got, want in zip(pixel, wanted, strict=True))

"""Interlaced frames are deinterlaced and progressive frames are not, whatever the stream's flags say."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.encoder.conftest import Extract, read_frame
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow


def make_bar_clip(
    path: Path,
    filters: str,
    *,
    seconds: float = 1.2,
    codec: str = "libx264",
    size: str = "320x240",
    options: Sequence[str] = (),
) -> Path:
    """Make a clip of a white bar that moves by 8 pixels per field, which gives combed edges if interlaced."""
    moving = (
        "geq=lum='if(between(mod(X-T*400+3200,320),0,40),235,16)':cb=128:cr=128,"
        "setparams=range=tv:colorspace=smpte170m"
    )
    return make_clip(
        path, seconds=seconds, rate=50, size=size, pattern="color=black",
        filters=f"format=yuv420p,{moving},{filters}", codec=codec, options=options,
    )  # fmt: skip


def combed_fraction(extract: Extract, clip: Path, number: int = 10, **options: object) -> float:
    """Return the fraction of pixels that differ from the lines above and below, which are alike."""
    window = {"start_s": 0.5, "duration_s": 0.5, **options}
    extracted = extract(clip, width_px=320, height_px=180, **window)
    image = read_frame(extracted, number).convert("L")
    width, height = image.size
    pixels = image.load()
    combed = sum(
        abs(pixels[x, y] - pixels[x, y - 1]) > 60 and abs(pixels[x, y - 1] - pixels[x, y + 1]) < 30
        for y in range(1, height - 1)
        for x in range(width)
    )
    return combed / (width * height)


_INTERLACED = {"tff": "tinterlace=mode=interleave_top", "bff": "tinterlace=mode=interleave_bottom"}
_FLAGS = ("-flags", "+ildct+ilme", "-qp", "1")


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("c.mp4", "libx264", ("-flags", "+ildct+ilme", "-qp", "1")),
        ("c.mkv", "mpeg2video", ("-flags", "+ildct+ilme", "-q:v", "2")),
        ("c.mov", "prores_ks", ("-flags", "+ildct+ilme")),
    ],
)
def test_flagged_interlaced_clip_is_deinterlaced(
    order: str, name: str, codec: str, options: Sequence[str], tmp_path: Path, extract: Extract
) -> None:
    tagged = f"{_INTERLACED[order]},setfield={order}"
    pix_fmt = ",format=yuv422p10le" if codec == "prores_ks" else ""
    clip = make_bar_clip(tmp_path / name, f"{tagged}{pix_fmt}", codec=codec, options=options)
    assert combed_fraction(extract, clip) < 0.001


def test_unflagged_interlaced_sd_clip_is_deinterlaced(tmp_path: Path, extract: Extract) -> None:
    clip = make_bar_clip(
        tmp_path / "c.mp4", f"{_INTERLACED['tff']},setfield=prog", size="320x576", options=("-qp", "1")
    )
    assert combed_fraction(extract, clip) < 0.001


def test_progressive_clip_flagged_as_interlaced_is_unchanged(tmp_path: Path, extract: Extract) -> None:
    """The clip has one-pixel lines, which deinterlacing would blur."""
    lines = "geq=lum='if(mod(Y,2),235,16)':cb=128:cr=128"
    flagged, plain = (
        make_clip(
            tmp_path / name, seconds=2, rate=25, size="320x180", pattern="testsrc2",
            filters=f"format=yuv420p,{lines},setfield={field},setparams=range=tv:colorspace=bt709",
            options=options,
        )
        for name, field, options in (("flagged.mp4", "tff", _FLAGS), ("plain.mp4", "prog", ("-qp", "1")))
    )  # fmt: skip
    shown = [read_frame(extract(clip, width_px=320, height_px=180), 10) for clip in (flagged, plain)]
    assert shown[0].tobytes() == shown[1].tobytes()


def test_clip_that_becomes_interlaced_is_deinterlaced(tmp_path: Path, extract: Extract) -> None:
    parts = [
        make_bar_clip(
            *(tmp_path / f"{name}.h264", filters),
            seconds=2,
            options=("-qp", "1", "-bsf:v", "dump_extra", *flags),
        )
        for name, filters, flags in (
            ("a", "framestep=2,setfield=prog", ()),
            ("b", f"{_INTERLACED['tff']},setfield=tff", ("-flags", "+ildct+ilme")),
        )
    ]
    stream = tmp_path / "joined.h264"
    stream.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip = tmp_path / "c.mkv"
    ffmpeg("-r", "25", "-f", "h264", "-i", stream, "-c", "copy", clip)
    assert combed_fraction(extract, clip, 60, duration_s=3.0) < 0.001

"""Interlaced frames lose their combs, and no others are touched, whatever the file says of itself."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.encoder.conftest import Keep, picture_number
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow


def bar_clip(
    path: Path, filters: str, *, codec: str = "libx264", size: str = "320x240", options: Sequence[str] = ()
) -> Path:
    """Make a clip of a white bar that moves by 8 pixels a field: interlaced, its edges are combs."""
    moving = (
        "geq=lum='if(between(mod(X-T*400+3200,320),0,40),235,16)':cb=128:cr=128,"
        "setparams=range=tv:colorspace=smpte170m"
    )
    return make_clip(
        path, seconds=2, rate=50, size=size, picture="color=black",
        filters=f"format=yuv420p,{moving},{filters}", codec=codec, options=options,
    )  # fmt: skip


def combs(keep: Keep, clip: Path, number: int = 10, **options: object) -> float:
    """Return the share of pixels that differ from both neighboring lines, which are alike."""
    kept = keep(clip, width_px=320, height_px=180, start_s=0.5, **options)
    picture = picture_number(kept, number).convert("L")
    width, height = picture.size
    pixels = picture.load()
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
def test_interlaced_frames_lose_their_combs(
    order: str, name: str, codec: str, options: Sequence[str], tmp_path: Path, keep: Keep
) -> None:
    tagged = f"{_INTERLACED[order]},setfield={order}"
    pix_fmt = ",format=yuv422p10le" if codec == "prores_ks" else ""
    clip = bar_clip(tmp_path / name, f"{tagged}{pix_fmt}", codec=codec, options=options)
    assert combs(keep, clip) < 0.001


def test_interlaced_video_without_a_mark_loses_its_combs_in_standard_definition(
    tmp_path: Path, keep: Keep
) -> None:
    clip = bar_clip(
        tmp_path / "c.mp4", f"{_INTERLACED['tff']},setfield=prog", size="320x576", options=("-qp", "1")
    )
    assert combs(keep, clip) < 0.001


def test_progressive_frames_that_are_marked_as_interlaced_stay_as_they_are(
    tmp_path: Path, keep: Keep
) -> None:
    """One-pixel lines: whoever takes them for combs blurs them."""
    lines = "geq=lum='if(mod(Y,2),235,16)':cb=128:cr=128"
    marked, plain = (
        make_clip(
            tmp_path / name, seconds=2, rate=25, size="320x180", picture="testsrc2",
            filters=f"format=yuv420p,{lines},setfield={field},setparams=range=tv:colorspace=bt709",
            options=options,
        )
        for name, field, options in (("marked.mp4", "tff", _FLAGS), ("plain.mp4", "prog", ("-qp", "1")))
    )  # fmt: skip
    shown = [picture_number(keep(clip, width_px=320, height_px=180), 10) for clip in (marked, plain)]
    assert shown[0].tobytes() == shown[1].tobytes()


def test_a_clip_that_becomes_interlaced_later_loses_its_combs(tmp_path: Path, keep: Keep) -> None:
    parts = [
        bar_clip(tmp_path / f"{name}.h264", filters, options=("-qp", "1", "-bsf:v", "dump_extra", *flags))
        for name, filters, flags in (
            ("a", "framestep=2,setfield=prog", ()),
            ("b", f"{_INTERLACED['tff']},setfield=tff", ("-flags", "+ildct+ilme")),
        )
    ]
    stream = tmp_path / "join_messages.h264"
    stream.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip = tmp_path / "c.mkv"
    ffmpeg("-r", "25", "-f", "h264", "-i", stream, "-c", "copy", clip)
    assert combs(keep, clip, 60, duration_s=3.0) < 0.001

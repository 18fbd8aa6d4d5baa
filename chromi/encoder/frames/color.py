"""Every clip's colors become those of an ordinary screen: limited BT.709, no alpha."""

from collections.abc import Sequence
from pathlib import Path

from chromi.encoder.frames.color_lut import cube, needs_lut
from chromi.encoder.process.ffmpeg import escape_path
from chromi.encoder.source.video_info import VideoInfo

PAPER = "0x202124"
"""What shows through transparent places: the gray of Chrome's own dark new tab."""

# SWS_UNSTABLE of libswscale/swscale.h: its newer code, four times as fast here and the same to the bit. By
# number, for an older ffmpeg has no name for it and takes no notice.
_NEWER_CODE = "0x100000"
BT709_TO_BGRA = (
    "zscale=matrixin=709:rangein=limited:matrix=gbr:range=full:filter=bilinear,format=gbrp"
    f",scale=flags={_NEWER_CODE},format=bgra"
)
"""Filters that read kept frames. As exact as `exactly`, in a third of the time.

The kernel is for chroma alone: bicubic takes twice as long and gains 0.02 dB.
"""
_SWSCALE_MATRICES = frozenset(
    ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c", "gbr", "unknown")
)
"""What `scale` converts; zscale does the others (YCgCo, ICtCp)."""


def exactly(kernel: str) -> str:
    """Return options of `scale`, which rounds down and repeats chroma without them: that costs 3 to 7 dB."""
    return f"flags={kernel}+accurate_rnd+full_chroma_int"


def from_bt709(kernel: str) -> str:
    """Return options of `scale` that read kept frames."""
    return f"in_color_matrix=bt709:in_range=tv:{exactly(kernel)}"


def convert_color(info: VideoInfo, scale: str, lut_path: Path | None) -> Sequence[str]:
    """Return the filters that resize by the filter `scale` and bring the colors to BT.709.

    `lut_path` is what `write_lut` returned. What `scale` can convert by itself it converts in the same step,
    as a second step would round twice. Everything else goes through R'G'B' of 16 bits, and without
    subsampled chroma: zscale takes no frame with an odd side otherwise.
    """
    to_bt709 = "out_color_matrix=bt709:out_range=tv"
    if not lut_path and info.color_matrix in _SWSCALE_MATRICES:
        return [*_correct_tags(info), f"{scale}:{to_bt709}", "setsar=1"]
    alpha = "a" if info.has_alpha else ""
    back = "zscale=matrixin=gbr:rangein=full:matrix=709:range=limited"
    if lut_path:
        back += ":transferin=linear:transfer=iec61966-2-1:primariesin=709:primaries=709"
    return [
        *_correct_tags(info),
        *_to_rgb(info, scale, f"gbr{alpha}p16"),
        "setsar=1",
        *([f"lut3d=file={escape_path(lut_path)}:interp=tetrahedral"] if lut_path else []),
        f"{back},format=yuv{alpha}444p",
    ]


def _to_rgb(info: VideoInfo, scale: str, rgb: str) -> Sequence[str]:
    if info.color_matrix in _SWSCALE_MATRICES:
        return [scale, f"format={rgb}"]
    # `scale` refuses frames whose matrix it does not know, even where it only resizes them.
    whole_chroma = "yuva444p12" if info.has_alpha else "yuv444p12"
    given_range = "full" if info.color_range == "pc" else "limited"
    return [
        "setparams=colorspace=bt709",
        f"{scale},format={whole_chroma}",
        f"zscale=matrixin={info.color_matrix}:rangein={given_range}:matrix=gbr:range=full,format={rgb}",
    ]


def write_lut(info: VideoInfo, folder: Path) -> Path | None:
    """Write the table that converts the clip's colors into `folder`, or return None if none is needed."""
    if not needs_lut(info.color_transfer, info.color_primaries):
        return None
    path = folder / "color.cube"
    path.write_text(cube(info.color_transfer, info.color_primaries, info.peak_nits), "ascii")
    return path


def _correct_tags(info: VideoInfo) -> Sequence[str]:
    """Tell the filters what the frames do not say, and bring gray to full range.

    `scale` takes every gray for full range, whatever its frames say.
    """
    if info.is_limited_gray:
        return ["setparams=range=tv", "zscale=rangein=limited:range=full", "format=gray"]
    if not info.has_wrong_tags:
        return []
    known_range = f":range={info.color_range}" if info.color_range in ("tv", "pc") else ""
    return [f"setparams=colorspace={info.color_matrix}{known_range}"]


def lay_on_paper(info: VideoInfo) -> list[str]:
    """Lay a picture with alpha on a plain color; the paper is made of the frame itself, so none is lost."""
    if not info.has_alpha:
        return []
    paper = f"drawbox=color={PAPER}:thickness=fill:replace=1"
    return [f"format=yuva444p,split[over][under];[under]{paper}[paper];[paper][over]overlay=format=yuv444"]

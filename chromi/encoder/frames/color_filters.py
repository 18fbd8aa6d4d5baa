"""Convert a clip's colors to SDR: limited-range BT.709 without alpha."""

from collections.abc import Sequence
from pathlib import Path

from chromi.encoder.frames.color_lut import make_cube_lut, needs_lut
from chromi.encoder.process.ffmpeg import escape_path
from chromi.encoder.source.video_info import VideoInfo

BACKGROUND_COLOR = "0x202124"
"""The color behind transparent pixels: the gray of Chrome's dark new tab page."""

# SWS_UNSTABLE in libswscale/swscale.h enables a new code path that is four times as fast here and bit-exact.
# The flag is numeric because older ffmpeg versions have no name for it; they ignore the bit.
_SWS_UNSTABLE = "0x100000"
BT709_TO_BGRA = (
    "zscale=matrixin=709:rangein=limited:matrix=gbr:range=full:filter=bilinear,format=gbrp"
    f",scale=flags={_SWS_UNSTABLE},format=bgra"
)
"""Filters that convert extracted frames to bgra, as accurately as `scale_flags` but in a third of the time.

`filter` applies to chroma only: bicubic takes twice as long and gains 0.02 dB.
"""
_SWSCALE_MATRICES = frozenset(
    ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c", "gbr", "unknown")
)
"""The matrices that `scale` converts. zscale converts the others (YCgCo, ICtCp)."""
_TAG_AS_BT709 = "setparams=colorspace=bt709"


def scale_flags(kernel: str) -> str:
    """Return the `flags` option of `scale` that preserves accurate colors.

    Without these flags, `scale` rounds down and repeats chroma samples, which costs 3 to 7 dB.
    """
    return f"flags={kernel}+accurate_rnd+full_chroma_int"


def bt709_scale_options(kernel: str) -> str:
    """Return the `scale` options that convert extracted frames from limited-range BT.709."""
    return f"in_color_matrix=bt709:in_range=tv:{scale_flags(kernel)}"


def replace_unsupported_matrix(info: VideoInfo) -> list[str]:
    """Return the filter with which `scale` accepts every matrix, if the exact colors do not matter."""
    return [] if info.color_matrix in _SWSCALE_MATRICES else [_TAG_AS_BT709]


def convert_color(info: VideoInfo, scale: str, lut_path: Path | None) -> Sequence[str]:
    """Return the filters that resize frames with the `scale` filter given and convert their colors to BT.709.

    `lut_path` is the return value of `write_lut`. Frames with alpha are composited over BACKGROUND_COLOR
    before they are resized. Otherwise, the color of transparent pixels would show at the edges of objects:
    ffmpeg decodes those of a GIF as white.
    """
    if not info.has_alpha:
        return _convert_to_bt709(info, [scale, "setsar=1"], lut_path)
    same_size = f"scale={scale_flags('bicubic')}"
    return [
        *_convert_to_bt709(info, [same_size], lut_path),
        *flatten_alpha(info),
        *(scale, "setsar=1", "format=yuv444p"),
    ]


def _convert_to_bt709(info: VideoInfo, resize: Sequence[str], lut_path: Path | None) -> Sequence[str]:
    """Return the filters that apply `resize`, which starts with a `scale` filter, and convert to BT.709.

    If `scale` supports the conversion, it does both, because a second step would round twice. All other
    conversions go through 16-bit R'G'B' and end without chroma subsampling, because zscale rejects subsampled
    frames with odd dimensions.
    """
    scale, *after_scale = resize
    to_bt709 = "out_color_matrix=bt709:out_range=tv"
    if not lut_path and info.color_matrix in _SWSCALE_MATRICES:
        return [*correct_tags(info), f"{scale}:{to_bt709}", *after_scale]
    alpha = "a" if info.has_alpha else ""
    rgb_to_bt709 = "zscale=matrixin=gbr:rangein=full:matrix=709:range=limited"
    if lut_path:
        rgb_to_bt709 += ":transferin=linear:transfer=iec61966-2-1:primariesin=709:primaries=709"
    return [
        *correct_tags(info),
        *_convert_to_rgb(info, scale, f"gbr{alpha}p16"),
        *after_scale,
        *([f"lut3d=file={escape_path(lut_path)}:interp=tetrahedral"] if lut_path else []),
        f"{rgb_to_bt709},format=yuv{alpha}444p",
    ]


def _convert_to_rgb(info: VideoInfo, scale: str, rgb_format: str) -> Sequence[str]:
    if info.color_matrix in _SWSCALE_MATRICES:
        return [scale, f"format={rgb_format}"]
    # `scale` rejects frames with an unsupported matrix even if it only resizes them, so they are tagged as
    # BT.709 until zscale converts them.
    yuv_format = "yuva444p12" if info.has_alpha else "yuv444p12"
    source_range = "full" if info.color_range == "pc" else "limited"
    return [
        _TAG_AS_BT709,
        f"{scale},format={yuv_format}",
        f"zscale=matrixin={info.color_matrix}:rangein={source_range}:matrix=gbr:range=full,format={rgb_format}",
    ]


def write_lut(info: VideoInfo, folder: Path) -> Path | None:
    """Write the clip's color lookup table to `folder` and return its path, or None if no table is needed."""
    if not needs_lut(info.color_transfer, info.color_primaries):
        return None
    path = folder / "color.cube"
    path.write_text(make_cube_lut(info.color_transfer, info.color_primaries, info.peak_nits), "ascii")
    return path


def correct_tags(info: VideoInfo) -> Sequence[str]:
    """Return the filters that correct the frames' color tags and convert grayscale to full range.

    `scale` treats every grayscale format as full range and ignores the frames' range tag.
    """
    if info.is_limited_gray:
        return ["setparams=range=tv", "zscale=rangein=limited:range=full", "format=gray"]
    if not info.has_wrong_tags:
        return []
    known_range = f":range={info.color_range}" if info.color_range in ("tv", "pc") else ""
    return [f"setparams=colorspace={info.color_matrix}{known_range}"]


def flatten_alpha(info: VideoInfo) -> list[str]:
    """Return the filters that composite frames with alpha over BACKGROUND_COLOR.

    The background is drawn on a copy of each frame, so both inputs of `overlay` have the same number of
    frames and none is lost.
    """
    if not info.has_alpha:
        return []
    fill = f"drawbox=color={BACKGROUND_COLOR}:thickness=fill:replace=1"
    return [
        "format=yuva444p,split[alpha_foreground][alpha_copy]"
        f";[alpha_copy]{fill}[alpha_background]"
        ";[alpha_background][alpha_foreground]overlay=format=yuv444"
    ]

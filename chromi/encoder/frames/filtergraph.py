"""Build the filtergraph of pass 1, which crops, scales and pads every frame and converts its colors."""

from collections.abc import Sequence
from pathlib import Path

from chromi.encoder.frames.color_filters import convert_color, flatten_alpha, scale_flags
from chromi.encoder.options import AUTO, ConversionOptions, Framing
from chromi.encoder.source.video_info import VideoInfo

BLUR_SIZE_PX = (160, 90)
"""The size at which the background is blurred. At an eighth of the GIF's width, blurring looks the same and
takes a sixtieth of the time."""

ASPECT_RATIO_TOLERANCE = 0.02
"""A clip this close to the GIF's aspect ratio is cropped by a few pixels instead of being padded."""


def build_filtergraph(
    info: VideoInfo,
    options: ConversionOptions,
    frame_filters: Sequence[str],
    *,
    lut_path: Path | None,
    pixelated: bool,
    allow_changes: bool = False,
) -> str:
    """Return the graph from the clip's video stream to [frames]: yuv420p in BT.709, at the requested size.

    `frame_filters` select the frames. They come first to limit the number of frames. `lut_path` is the return
    value of `write_lut` for this clip. With `allow_changes`, frames may change aspect ratio and format within
    the clip.
    """
    has_fixed_ratio = _matches_aspect_ratio(info, options) and not allow_changes
    framing = Framing.FILL if has_fixed_ratio else options.framing
    *crop, scale = (
        _scale_to_fill(options)
        if framing is Framing.FILL
        else [scale_to_fit(options.width_px, options.height_px)]
    )
    # Browsers draw the pixels of a GIF as squares.
    square_pixels = ["setsar=1"] if info.container == "gif" else []
    chain = [
        *(*frame_filters, *square_pixels, *_unify_range(info, allow_changes=allow_changes), *crop),
        *convert_color(info, f"{scale}:{scale_flags('neighbor' if pixelated else 'bicubic')}", lut_path),
        *flatten_alpha(info),
        "format=yuv420p",
        *_pad(framing, options),
    ]
    return f"[0:{info.stream}]{','.join(chain)}[frames]"


def _matches_aspect_ratio(info: VideoInfo, options: ConversionOptions) -> bool:
    difference = info.width_px / info.height_px - options.width_px / options.height_px
    return abs(difference) < ASPECT_RATIO_TOLERANCE


def _unify_range(info: VideoInfo, *, allow_changes: bool) -> list[str]:
    """Return the filters that convert a stream to limited range if it may switch to it from full range.

    When such a stream switches to limited range, the decoder keeps the yuvj format, which implies full range.
    `scale` relies on the format, and zscale on each frame's own range.
    """
    if allow_changes and info.pixel_format.startswith("yuvj"):
        return ["format=yuvj444p", "zscale=range=limited", "format=yuv444p"]
    return []


def _scale_to_fill(options: ConversionOptions) -> list[str]:
    """Return the filters that crop close to the GIF's aspect ratio and scale to cover its size.

    The crop is centered on the focus as far as the edges allow. Cropping comes before scaling because a
    2x2000 frame would be 640,000 pixels high at full width. Up to two extra pixels remain, which `_pad`
    crops: both sides are scaled by the same factor, so rounding distorts no frame. `sar` is the width of one
    pixel, because the crop is measured in square pixels. Even offsets keep the chroma planes aligned. exact=1
    is needed for frames that are one pixel wide or high.
    """
    width_px, height_px, (focus_x, focus_y) = options.width_px, options.height_px, options.focus
    ratio = f"{width_px}/{height_px}"
    return [
        f"crop=w='min(iw,2*ceil(ih*{ratio}/sar/2))':h='min(ih,2*ceil(iw*sar/({ratio})/2))'"
        f":x='2*floor(clip(iw*{focus_x}-ow/2,0,iw-ow)/2)'"
        f":y='2*floor(clip(ih*{focus_y}-oh/2,0,ih-oh)/2)':exact=1",
        f"scale=w='max({width_px},round({height_px}*iw*sar/ih))'"
        f":h='max({height_px},round({width_px}*ih/(iw*sar)))'",
    ]


def scale_to_fit(width_px: int, height_px: int) -> str:
    """Return the filter that scales a whole frame to the largest size within these bounds.

    The result has square pixels and even dimensions of at least 2 pixels.
    """
    return (
        f"scale=w='max(2,2*round(min({width_px},{height_px}*iw*sar/ih)/2))'"
        f":h='max(2,2*round(min({height_px},{width_px}*ih/(iw*sar))/2))'"
    )


def _pad(framing: Framing, options: ConversionOptions) -> list[str]:
    """Return the filters that pad or crop a scaled frame to the GIF's exact size."""
    width_px, height_px = options.width_px, options.height_px
    match framing:
        case Framing.FILL:
            return [f"crop={width_px}:{height_px}"]
        case Framing.BLUR:
            return [_overlay_on(_blur(width_px, height_px))]
        case Framing.FIT if options.pad == AUTO:
            return [_overlay_on(_edge_color(width_px, height_px))]
        case Framing.FIT:
            return [f"pad={width_px}:{height_px}:-1:-1:color=0x{options.pad.removeprefix('#')}"]


def _overlay_on(background: str) -> str:
    """Return the filters that center a frame on a background made of a copy of it.

    `shortest` ends the output with the frames, because a solid-color background never ends.
    """
    return (
        f"split[foreground][copy];[copy]{background}[background];"
        "[background][foreground]overlay=x='2*floor((W-w)/4)':y='2*floor((H-h)/4)':shortest=1,format=yuv420p"
    )


def _blur(width_px: int, height_px: int) -> str:
    """Return the filters that turn a frame into a blurred background, darkened to add contrast."""
    ratio = f"{width_px}/{height_px}"
    blur_size_px = ":".join(map(str, BLUR_SIZE_PX))
    return (
        f"crop=w='max(2,min(iw,ih*{ratio}))':h='max(2,min(ih,iw/({ratio})))'"
        f",scale={blur_size_px}:flags=area,gblur=sigma=5"
        ",lutyuv=y='16+(val-16)*0.7':u='128+(val-128)*0.8':v='128+(val-128)*0.8'"
        f",scale={width_px}:{height_px}:flags=bicubic"
    )


def _edge_color(width_px: int, height_px: int) -> str:
    """Return the filters that make a background in the mean color of the first frame's edge.

    The frame is scaled to 16x16. `geq` provides sums over rectangles that start at the origin. Those give the
    sum of the outermost pixels: the whole square minus the inner 14x14.
    """
    mean = f"lum={_edge_mean('lum')}:cb={_edge_mean('cb')}:cr={_edge_mean('cr')}"
    return (
        f"trim=end_frame=1,format=yuv444p,scale=16:16:flags=area,geq={mean}"
        f",scale={width_px}:{height_px},format=yuv420p,tpad=stop=-1:stop_mode=clone"
    )


def _edge_mean(plane: str) -> str:
    """Return the `geq` expression for the mean of the 60 outermost pixels of a 16x16 plane."""
    inner = f"{plane}sum(14,14)-{plane}sum(0,14)-{plane}sum(14,0)+{plane}sum(0,0)"
    return f"'({plane}sum(15,15)-({inner}))/60'"

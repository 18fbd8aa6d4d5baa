"""Build the filtergraph of pass 1, which crops, scales and pads every frame and converts its colors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chromi.encoder.frames.black_bars import Content
from chromi.encoder.frames.color_filters import convert_color, scale_flags
from chromi.encoder.frames.effects import apply_effects
from chromi.encoder.options import AUTO, ConversionOptions, Framing
from chromi.encoder.source.ffmpeg_log import UNKNOWN
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
    content: Content | None = None,
    allow_changes: bool = False,
) -> str:
    """Return the graph from the clip's video stream to [frames]: yuv420p in BT.709, at the requested size.

    `frame_filters` select the frames. They come first to limit the number of frames. `lut_path` is the return
    value of `write_lut` for this clip. Frames are cropped to `content` before they are framed. With
    `allow_changes`, frames may change aspect ratio and format within the clip, so `content` must be None.
    """
    crop_bars = [content.filter] if content else []
    info = content.crop_info(info) if content else info
    has_fixed_ratio = _matches_aspect_ratio(info, options) and not allow_changes
    framing = Framing.FILL if has_fixed_ratio else options.framing
    *crop, scale = _scale_to_fill(options) if framing is Framing.FILL else _scale_to_fit(options)
    info, unify_range = _unify_range(info, allow_changes=allow_changes)
    chain = [
        *(*frame_filters, *ignore_gif_aspect_ratio(info), *unify_range),
        *(*crop_bars, *crop),
        *convert_color(info, f"{scale}:{scale_flags('neighbor' if pixelated else 'bicubic')}", lut_path),
        "format=yuv420p",
        *_pad(framing, options, allow_changes=allow_changes),
        *apply_effects(options),
    ]
    return f"[0:{info.stream}]{','.join(chain)}[frames]"


def ignore_gif_aspect_ratio(info: VideoInfo) -> list[str]:
    """Return the filter that makes the pixels of a GIF square, as browsers draw them."""
    return ["setsar=1"] if info.container == "gif" else []


def _matches_aspect_ratio(info: VideoInfo, options: ConversionOptions) -> bool:
    difference = info.width_px / info.height_px - options.width_px / options.height_px
    return abs(difference) < ASPECT_RATIO_TOLERANCE


def _unify_range(info: VideoInfo, *, allow_changes: bool) -> tuple[VideoInfo, list[str]]:
    """Return the properties of a stream whose range may change, and the filters that make them true.

    When a stream switches from full to limited range, the decoder keeps the yuvj format, which implies full
    range. `scale` relies on the format, and zscale on each frame's own range, but it rejects subsampled
    frames with odd dimensions. In other formats, each frame's tag is right, except for VP8, whose range is
    that of the container.
    """
    if info.pixel_format.startswith("yuvj") and (allow_changes or info.color_range == "tv"):
        limited = replace(info, pixel_format="yuv444p", color_range="tv")
        return limited, ["crop=2*floor(iw/2):2*floor(ih/2)", "zscale=range=limited", "format=yuv444p"]
    if allow_changes and info.has_wrong_tags and info.codec != "vp8":
        return replace(info, color_range=UNKNOWN), []
    return info, []


def _scale_to_fill(options: ConversionOptions) -> list[str]:
    """Return the filters that crop close to the GIF's aspect ratio and scale to cover its size.

    Cropping comes before scaling because a 2x2000 frame would be 640,000 pixels high at full width. Up to two
    extra pixels remain, which `_pad` crops: both sides are scaled by the same factor, so rounding distorts no
    frame. `sar` is the width of one pixel, because the crop is measured in square pixels.
    """
    ratio = f"{options.width_px}/{options.height_px}"
    if options.zoom == 1:
        crop = _crop_to_focus(options, f"ih*{ratio}/sar/2", f"iw*sar/({ratio})/2")
    else:
        crop = _crop_to_focus(
            options,
            f"min(iw,ih*{ratio}/sar)/{options.zoom}/2",
            f"min(ih,iw*sar/({ratio}))/{options.zoom}/2",
        )
    width, height = _cover_size(options)
    return [crop, f"scale=w='{width}':h='{height}'"]


def _crop_to_focus(options: ConversionOptions, half_width: str, half_height: str) -> str:
    """Return the filter that crops to twice these expressions, rounded up, if the frame is larger.

    The crop is centered on the focus as far as the edges allow. Even offsets keep the chroma planes aligned;
    with `zoom`, rounding them down would be visible. exact=1 is needed for frames that are one pixel wide or
    high.
    """
    (focus_x, focus_y), even = options.focus, "floor" if options.zoom == 1 else "round"
    return (
        f"crop=w='min(iw,2*ceil({half_width}))':h='min(ih,2*ceil({half_height}))'"
        f":x='2*{even}(clip(iw*{focus_x}-ow/2,0,iw-ow)/2)'"
        f":y='2*{even}(clip(ih*{focus_y}-oh/2,0,ih-oh)/2)':exact=1"
    )


def _cover_size(options: ConversionOptions) -> tuple[str, str]:
    """Return the expressions for width and height of the smallest frame that covers the GIF."""
    width_px, height_px = options.width_px, options.height_px
    return f"max({width_px},round({height_px}*iw*sar/ih))", f"max({height_px},round({width_px}*ih/(iw*sar)))"


def _scale_to_fit(options: ConversionOptions) -> list[str]:
    """Return the filters that scale the whole frame into the GIF's size, enlarged by `zoom` around the focus.

    The parts beyond the GIF are cropped first. If both sides extend beyond it, the rest has the GIF's aspect
    ratio except for rounding to two pixels. It is scaled to cover the GIF, because a line of padding would be
    visible.
    """
    width_px, height_px = options.width_px, options.height_px
    if options.zoom == 1:
        return [scale_to_fit(width_px, height_px)]
    ratio = f"{width_px}/{height_px}"
    crop = _crop_to_focus(
        options,
        f"max(iw,ih*{ratio}/sar)/{options.zoom}/2",
        f"max(ih,iw*sar/({ratio}))/{options.zoom}/2",
    )
    overflows = f"gt(iw*sar/(ih-2),{ratio})*lt((iw-2)*sar/ih,{ratio})"
    sizes = zip(_cover_size(options), _fit_size(width_px, height_px), strict=True)
    width, height = (f"if({overflows},{cover},{fit})" for cover, fit in sizes)
    return [crop, f"scale=w='{width}':h='{height}'"]


def scale_to_fit(width_px: int, height_px: int) -> str:
    """Return the filter that scales a whole frame to the largest size within these bounds.

    The result has square pixels and even dimensions of at least 2 pixels.
    """
    width, height = _fit_size(width_px, height_px)
    return f"scale=w='{width}':h='{height}'"


def _fit_size(width_px: int, height_px: int) -> tuple[str, str]:
    """Return the expressions for width and height of the largest frame within these bounds."""
    return (
        f"max(2,2*round(min({width_px},{height_px}*iw*sar/ih)/2))",
        f"max(2,2*round(min({height_px},{width_px}*ih/(iw*sar))/2))",
    )


def _pad(framing: Framing, options: ConversionOptions, *, allow_changes: bool) -> list[str]:
    """Return the filters that pad or crop a scaled frame to the GIF's exact size."""
    width_px, height_px = options.width_px, options.height_px
    trim = [f"crop=w='min(iw,{width_px})':h='min(ih,{height_px})'"] if options.zoom != 1 else []
    match framing:
        case Framing.FILL:
            return [f"crop={width_px}:{height_px}"]
        case Framing.BLUR:
            return [*trim, _overlay_on(_blur(width_px, height_px))]
        case Framing.FIT if options.pad == AUTO:
            background = _edge_color(width_px, height_px)
            if allow_changes:
                return [*trim, _overlay_on(background, is_single_frame=True)]
            return [*trim, _overlay_on(f"{background},tpad=stop=-1:stop_mode=clone")]
        case Framing.FIT:
            return [*trim, f"pad={width_px}:{height_px}:-1:-1:color=0x{options.pad.removeprefix('#')}"]


def _overlay_on(background: str, *, is_single_frame: bool = False) -> str:
    """Return the filters that center a frame on a background made of a copy of it.

    `shortest` ends the output with the frames, because a repeated background never ends. A single frame of
    the background stays below all frames and adds none of its own: without a known frame rate, a repeated
    one would add a thousand per second.
    """
    shortest = "" if is_single_frame else ":shortest=1"
    return (
        f"split[foreground][copy];[copy]{background}[background];"
        f"[background][foreground]overlay=x='2*floor((W-w)/4)':y='2*floor((H-h)/4)'{shortest},format=yuv420p"
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
    """Return the filters that make one frame in the mean color of the first frame's edge.

    The frame is scaled to 16x16. `geq` provides sums over rectangles that start at the origin. Those give the
    sum of the outermost pixels: the whole square minus the inner 14x14.
    """
    mean = f"lum={_edge_mean('lum')}:cb={_edge_mean('cb')}:cr={_edge_mean('cr')}"
    return (
        f"trim=end_frame=1,format=yuv444p,scale=16:16:flags=area,geq={mean}"
        f",scale={width_px}:{height_px},format=yuv420p"
    )


def _edge_mean(plane: str) -> str:
    """Return the `geq` expression for the mean of the 60 outermost pixels of a 16x16 plane."""
    inner = f"{plane}sum(14,14)-{plane}sum(0,14)-{plane}sum(14,0)+{plane}sum(0,0)"
    return f"'({plane}sum(15,15)-({inner}))/60'"

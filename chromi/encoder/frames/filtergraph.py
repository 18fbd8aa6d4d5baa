"""What happens to every picture of a clip: framed, scaled, and brought to ordinary colors."""

from collections.abc import Sequence
from pathlib import Path

from chromi.encoder.frames.color import convert_color, exactly, lay_on_paper
from chromi.encoder.options import AUTO, ConversionOptions, Framing
from chromi.encoder.source.video_info import VideoInfo

BLURRED_AT_PX = (160, 90)
"""Blurred at an eighth of the size, a background costs a sixtieth of the work and looks the same."""

SAME_SHAPE = 0.02
"""A picture this close to 16:9 has nothing to fit: a few pixels cut off are better than a few of ground."""


def build_filtergraph(
    info: VideoInfo,
    options: ConversionOptions,
    take: Sequence[str],
    *,
    lut_path: Path | None,
    pixelated: bool,
    changes: bool = False,
) -> str:
    """Return the graph that turns the film's stream into [pictures]: yuv420p in BT.709, at the recipe's size.

    `take` are the filters that choose the frames. They come first and bound their number. `lut_path` is what
    `write_lut` wrote for this clip. A picture that `changes` may get another shape than the first one has.
    """
    framing = Framing.FILL if _has_its_shape(info, options) and not changes else options.framing
    is_filled = framing is Framing.FILL
    *crop, scale = (
        _scale_to_fill(options) if is_filled else [scale_to_fit(options.width_px, options.height_px)]
    )
    square = ["setsar=1"] if info.container == "gif" else []  # as browsers draw a GIF's pixels
    scale = f"{scale}:{exactly('neighbor' if pixelated else 'bicubic')}"
    # A decoder keeps yuvj, which means full range, when a stream goes on in limited range. `scale`
    # believes the format, zscale the frame.
    one_range = ["format=yuvj444p", "zscale=range=limited", "format=yuv444p"]
    keeps_format = changes and info.pixel_format.startswith("yuvj")
    chain = [
        *(*take, *square, *(one_range if keeps_format else []), *crop),
        *convert_color(info, scale, lut_path),
        *lay_on_paper(info),
        "format=yuv420p",
        *_surround(framing, options),
    ]
    return f"[0:{info.stream}]{','.join(chain)}[pictures]"


def _has_its_shape(info: VideoInfo, options: ConversionOptions) -> bool:
    return abs(info.width_px / info.height_px - options.width_px / options.height_px) < SAME_SHAPE


def _scale_to_fill(options: ConversionOptions) -> list[str]:
    """Crop nearly to the GIF's shape, the focus as near to the middle as the edges allow, and scale to cover.

    Cropping comes before scaling: a picture 2 wide and 2000 high would be 640,000 high at the full width.
    It leaves up to two pixels too many, which `_surround` cuts off: so both sides are scaled alike, and no
    picture is squeezed to make whole pixels fit. `sar` is the width of one pixel: the crop is measured in
    square pixels. Even offsets keep the chroma planes in place; exact=1 lets one-pixel pictures through.
    """
    width, height, (x, y) = options.width_px, options.height_px, options.focus
    shape = f"{width}/{height}"
    return [
        f"crop=w='min(iw,2*ceil(ih*{shape}/sar/2))':h='min(ih,2*ceil(iw*sar/({shape})/2))'"
        f":x='2*floor(clip(iw*{x}-ow/2,0,iw-ow)/2)':y='2*floor(clip(ih*{y}-oh/2,0,ih-oh)/2)':exact=1",
        f"scale=w='max({width},round({height}*iw*sar/ih))':h='max({height},round({width}*ih/(iw*sar)))'",
    ]


def scale_to_fit(width: int, height: int) -> str:
    """Scale the whole picture to square pixels as large as fit, both sides even and no side nothing."""
    return (
        f"scale=w='max(2,2*round(min({width},{height}*iw*sar/ih)/2))'"
        f":h='max(2,2*round(min({height},{width}*ih/(iw*sar))/2))'"
    )


def _surround(framing: Framing, options: ConversionOptions) -> list[str]:
    """Lay a fitted picture in the middle of what the options wants around it."""
    width, height = options.width_px, options.height_px
    match framing:
        case Framing.FILL:
            return [f"crop={width}:{height}"]
        case Framing.BLUR:
            return [f"split[sharp][blurred];[blurred]{_blur(width, height)}[around];{_lay_in_the_middle()}"]
        case Framing.FIT if options.pad == AUTO:
            return [f"split[sharp][first];[first]{_edge_color(width, height)}[around];{_lay_in_the_middle()}"]
        case Framing.FIT:
            return [f"pad={width}:{height}:-1:-1:color=0x{options.pad.removeprefix('#')}"]


def _lay_in_the_middle() -> str:
    """Overlay; `shortest`, because a color goes on for ever."""
    return "[around][sharp]overlay=x='2*floor((W-w)/4)':y='2*floor((H-h)/4)':shortest=1,format=yuv420p"


def _blur(width_px: int, height_px: int) -> str:
    """Fill the size with a blurred copy of a fitted picture, slightly darkened, so that the picture leads."""
    shape = f"{width_px}/{height_px}"
    blurred_px = ":".join(map(str, BLURRED_AT_PX))
    return (
        f"crop=w='max(2,min(iw,ih*{shape}))':h='max(2,min(ih,iw/({shape})))'"
        f",scale={blurred_px}:flags=area,gblur=sigma=5"
        ",lutyuv=y='16+(val-16)*0.7':u='128+(val-128)*0.8':v='128+(val-128)*0.8'"
        f",scale={width_px}:{height_px}:flags=bicubic"
    )


def _edge_color(width_px: int, height_px: int) -> str:
    """Fill the size with the mean color of the edge of the first picture, for every frame.

    The picture is shrunk to 16x16, and the sums that `geq` knows of a rectangle from the corner give its
    outermost ring: everything without the 14x14 inside.
    """

    def ring(plane: str) -> str:
        inner = f"{plane}sum(14,14)-{plane}sum(0,14)-{plane}sum(14,0)+{plane}sum(0,0)"
        return f"'({plane}sum(15,15)-({inner}))/60'"

    mean = f"lum={ring('lum')}:cb={ring('cb')}:cr={ring('cr')}"
    return (
        f"trim=end_frame=1,format=yuv444p,scale=16:16:flags=area,geq={mean}"
        f",scale={width_px}:{height_px},format=yuv420p,tpad=stop=-1:stop_mode=clone"
    )

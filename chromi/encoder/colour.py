"""Every clip's colours become those of an ordinary screen: limited BT.709, no alpha."""

from chromi.encoder.probe import VideoInfo

PAPER = "0x202124"
"""What shows through transparent places: the grey of Chrome's own dark new tab."""

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
_HD_HEIGHT_PX = 720
_KNOWN_MATRICES = frozenset(("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c"))


def exactly(kernel: str) -> str:
    """Return options of `scale`, which rounds down and repeats chroma without them: that costs 3 to 7 dB."""
    return f"flags={kernel}+accurate_rnd+full_chroma_int"


def from_bt709(kernel: str) -> str:
    """Return options of `scale` that read kept frames."""
    return f"in_color_matrix=bt709:in_range=tv:{exactly(kernel)}"


def to_bt709(info: VideoInfo) -> str:
    """Return what makes `scale` convert the colours in the same step; a second step would round twice.

    Where the file does not name its YUV matrix it is BT.709 for HD and BT.601 below, as players have it.
    """
    to = ":out_color_matrix=bt709:out_range=tv"
    if not info.pixel_format.startswith("yuv") or info.colour_matrix in _KNOWN_MATRICES:
        return to
    is_hd = min(info.width_px, info.height_px) >= _HD_HEIGHT_PX
    return f":in_color_matrix={'bt709' if is_hd else 'bt601'}{to}"


def tone_map(info: VideoInfo) -> list[str]:
    """Bring PQ and HLG to what an ordinary screen shows, up to 1000 nits.

    By eye, on two phones' clips: of four curves `hable` alone keeps the clouds in the sky, 150 nits as 1.0
    keeps faces bright (203, paper white, is dim), and `desat` above 0 bleaches whatever is bright.
    """
    if not info.is_hdr:
        return []
    given = f"transferin={info.colour_transfer}:primariesin=bt2020"
    if info.pixel_format.startswith("yuv"):
        given += ":matrixin=bt2020nc"
    return [
        f"zscale={given}:transfer=linear:npl=150,format=gbrpf32le,zscale=primaries=bt709",
        "tonemap=hable:desat=0:peak=6.7",
        "zscale=transfer=bt709:matrix=bt709:range=limited,format=yuv444p",
    ]


def lay_on_paper(info: VideoInfo) -> list[str]:
    """Lay a picture with alpha on a plain colour; the paper is made of the frame itself, so none is lost."""
    if not info.has_alpha:
        return []
    paper = f"drawbox=color={PAPER}:thickness=fill:replace=1"
    return [f"format=yuva444p,split[over][under];[under]{paper}[paper];[paper][over]overlay=format=yuv444"]

"""Pass 1: decode the clip once and keep what every later try needs, its frames and its palette."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.ffmpeg import QUIET, REPORT_FRAMES, FrameCounter, Limits, run, untrusted_input
from chromi.encoder.probe import VideoInfo
from chromi.encoder.recipe import Recipe
from chromi.errors import NoFrames

MAX_KEPT_BYTES = 640 * 1024**2
"""Ten seconds of pure noise, losslessly, are 480 MiB."""

PAPER = "0x202124"
"""What shows through transparent places: the grey of Chrome's own dark new tab."""

# A palette is made from every third frame at a quarter of the size: a tenth of the time, and looks the same.
PALETTE = "framestep=3,scale=640:360:flags=neighbor,format=bgra,palettegen=stats_mode=diff"

_HD_HEIGHT_PX = 720
_KNOWN_MATRICES = frozenset(("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c"))


@dataclass(frozen=True)
class KeptFrames:
    """The window's frames (lossless, upright, BT.709, at the GIF's size and rate) and their palette."""

    frames_path: Path
    palette_path: Path
    count: int


def keep_frames(
    source: Path,
    info: VideoInfo,
    recipe: Recipe,
    *,
    into: Path,
    threads: int,
    timeout_s: float,
    on_tick: Callable[[int], None],
) -> KeptFrames:
    """Decode the window of `source` into the folder `into`; `on_tick` gets the frames done so far.

    Raises NoFrames if the window holds none, TimedOut, and EncodeError.
    """
    progress = FrameCounter()
    frames_path, palette_path = into / "frames.nut", into / "palette.png"
    with source.open("rb") as clip:
        outcome = run(
            [
                *QUIET,
                *untrusted_input(clip.fileno(), threads=threads, before=_seek(info, recipe)),
                *("-filter_complex_threads", str(threads), "-filter_complex", filter_graph(info, recipe)),
                *("-map", "[kept]", "-map_metadata", "-1", "-c:v", "utvideo", "-threads", str(threads)),
                *("-fps_mode", "passthrough", *REPORT_FRAMES, "-f", "nut", "-y", str(frames_path)),
                *("-map", "[palette]", "-map_metadata", "-1", "-frames:v", "1", "-update", "1"),
                *("-f", "image2", "-y", str(palette_path)),
            ],
            limits=Limits(timeout_s, MAX_KEPT_BYTES),
            descriptors=(clip.fileno(),),
            on_output=progress.read,
            on_tick=lambda: on_tick(progress.frames),
        )
    outcome.check()
    if not progress.frames:  # ffmpeg is content with having found nothing
        raise NoFrames(detail=outcome.log)
    return KeptFrames(frames_path, palette_path, progress.frames)


def filter_graph(info: VideoInfo, recipe: Recipe) -> str:
    """Return the graph that turns stream 0:V:0 into [kept] and [palette].

    The frame count is bounded before anything else: two frames an hour apart are 86,400 at 24 fps.
    `fps` holds the picture that is on screen at the start, so that a slide shown long before still shows.
    Cropping comes before scaling: a picture 2 wide and 2000 high would be 640,000 high at the full width.
    """
    width, height, shape = recipe.width_px, recipe.height_px, f"{recipe.width_px}/{recipe.height_px}"
    chain = [
        f"fps={recipe.fps}:start_time=0",
        f"trim=end_frame={recipe.frames}",
        # `sar` is the width of one pixel: the crop is measured in square pixels. Even offsets keep the
        # chroma planes in place; exact=1 lets one-pixel pictures through.
        f"crop=w='max(1,min(iw,ih*{shape}/sar))':h='max(1,min(ih,iw*sar/({shape})))'"
        ":x='2*floor((iw-ow)/4)':y='2*floor((ih-oh)/4)':exact=1",
        f"scale={width}:{height}{'' if info.is_hdr else _to_bt709(info)}",
        "setsar=1",
        *_tone_map(info),
        *_lay_on_paper(info),
        "format=yuv420p",
    ]
    return f"[0:V:0]{','.join(chain)},split[kept][seen];[seen]{PALETTE}[palette]"


def _seek(info: VideoInfo, recipe: Recipe) -> tuple[str, ...]:
    """Make the start of the window time 0, decoding from the key frame before it.

    Not -accurate_seek: it drops the frame that is on screen at the start unless it begins exactly there.
    """
    last_frame_s = max(0.0, info.duration_s - 1 / recipe.fps)
    start_s = info.first_frame_s + min(recipe.start_s, last_frame_s)
    decoder = ("-c:v", info.decoder) if info.decoder else ()
    seek = ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{start_s:.6f}")
    return (*decoder, *seek, "-drop_changed", "1")


def _to_bt709(info: VideoInfo) -> str:
    """Return what makes `scale` convert the colours in the same step; a second step would round twice.

    Where the file does not name its YUV matrix it is BT.709 for HD and BT.601 below, as players have it.
    """
    to = ":out_color_matrix=bt709:out_range=tv"
    if not info.pixel_format.startswith("yuv") or info.colour_matrix in _KNOWN_MATRICES:
        return to
    is_hd = min(info.width_px, info.height_px) >= _HD_HEIGHT_PX
    return f":in_color_matrix={'bt709' if is_hd else 'bt601'}{to}"


def _tone_map(info: VideoInfo) -> list[str]:
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


def _lay_on_paper(info: VideoInfo) -> list[str]:
    """Lay a picture with alpha on a plain colour; the paper is made of the frame itself, so none is lost."""
    if not info.has_alpha:
        return []
    paper = f"drawbox=color={PAPER}:thickness=fill:replace=1"
    return [f"format=yuva444p,split[over][under];[under]{paper}[paper];[paper][over]overlay=format=yuv444"]

"""Pass 1: decode the clip once and keep the frames that every later try needs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from chromi.encoder.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.options import Loop, Short
from chromi.encoder.order import frames_to_read, order_frames, read_from_s
from chromi.encoder.picture import picture_graph
from chromi.encoder.probe import VideoInfo
from chromi.encoder.rearrange import rearrange
from chromi.encoder.recipe import Recipe
from chromi.encoder.strip import STRIP_CODEC, TO_STRIP
from chromi.encoder.writer import FrameWriter

FRAMES_FILE = "frames.nut"
"""What the kept frames are called in the folder that they are kept in."""

_HIGH_RATE_FPS = 48


@dataclass(frozen=True)
class KeptFrames:
    """The GIF's frames in their order: lossless, upright, BT.709, at its size and rate; and their strip."""

    frames_path: Path
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
    frames_path = into / FRAMES_FILE
    to_read = frames_to_read(recipe)
    most = 0

    def tick(frames: int) -> None:
        nonlocal most
        most = max(most, frames)  # the runs after the first count from 0 again
        on_tick(most * recipe.frames // to_read)

    writer = FrameWriter(threads=threads, timeout_s=timeout_s, max_bytes=max_kept_bytes(recipe), on_tick=tick)
    if _is_shown_as_read(recipe):
        return KeptFrames(frames_path, _read(source, info, recipe, frames_path, writer))
    with TemporaryDirectory(dir=into) as folder:
        read_path = Path(folder) / "read.avi"
        order = order_frames(_read(source, info, recipe, read_path, writer), recipe)
        rearrange(read_path, order, frames_path, writer)
    return KeptFrames(frames_path, len(order.shown))


def max_kept_bytes(recipe: Recipe) -> int:
    """Return what one file of frames may take: pure noise, losslessly, is 2.3 bytes a pixel."""
    return 3 * recipe.width_px * recipe.height_px * max(recipe.frames, frames_to_read(recipe))


def _is_shown_as_read(recipe: Recipe) -> bool:
    return recipe.loop is Loop.CUT and recipe.short is Short.PLAY and not recipe.reverse


def _read(source: Path, info: VideoInfo, recipe: Recipe, read_path: Path, writer: FrameWriter) -> int:
    """Write the frames in the clip's order to `read_path`; return how many there are.

    A NUT gets their strip too; an AVI is to be put into another order first.
    """
    graph, outputs = picture_graph(info, recipe), ("-map", "[pictures]", *writer.lossless)
    if read_path.suffix == ".nut":
        graph = f"{graph};[pictures]split[kept][small];[small]{TO_STRIP}[strip]"
        outputs = ("-map", "[kept]", "-map", "[strip]", *writer.lossless, *STRIP_CODEC)
    with source.open("rb") as clip:
        return writer.write(
            [
                *untrusted_input(clip.fileno(), threads=writer.threads, before=seek(info, recipe)),
                *("-filter_complex_threads", str(writer.threads), "-filter_complex", graph),
                *(*outputs, "-map_metadata", "-1", *REPORT_FRAMES),
                *("-f", read_path.suffix.removeprefix("."), "-y", str(read_path)),
            ],
            writes=(read_path,),
            descriptors=(clip.fileno(),),
        )


def seek(info: VideoInfo, recipe: Recipe) -> tuple[str, ...]:
    """Make the first frame that is needed time 0, decoding from the key frame before it.

    Not -accurate_seek: it drops the frame that is on screen at the start unless it begins exactly there. The
    decoder is told the version of x264, whose note is in the first frame and so may be skipped.
    """
    last_frame_s = max(0.0, info.duration_s - recipe.speed / recipe.fps)
    start_s = info.first_frame_s + min(read_from_s(recipe), last_frame_s)
    decoder = ("-c:v", info.decoder) if info.decoder else ()
    made_by = ("-x264_build", str(info.x264_build)) if info.x264_build else ()
    seek = ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{start_s:.6f}")
    return (*decoder, *made_by, *seek, "-drop_changed", "1")


def skim(info: VideoInfo) -> tuple[str, ...]:
    """Read from the first picture; of 48 frames a second or more only those that other frames need.

    That is half of them, in 0.6 of the time, and more than enough for a look at the whole clip.
    """
    skip = ("-skip_frame", "noref") if info.fps and info.fps >= _HIGH_RATE_FPS else ()
    return (*skip, *seek(info, Recipe()))

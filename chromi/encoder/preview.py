"""A small copy of a clip that every browser plays, for clips that browsers do not: HEVC, ProRes."""

import secrets
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from chromi.encoder.encoder_errors import DiskFull, EncodeError
from chromi.encoder.frames.color import convert_color, lay_on_paper, write_lut
from chromi.encoder.frames.filtergraph import scale_to_fit
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.gif.validate import publish
from chromi.encoder.process.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.seek import read_all
from chromi.encoder.source.video_info import VideoInfo

PREVIEW_TIMEOUT_S = 300.0

MAX_PREVIEW_S = 600
"""Of a longer clip the first ten minutes are shown."""

MAX_SIDE_PX = 640
MAX_FPS = 30

# Slower clips get MAX_FPS too: in a slide show a grid of their own rate would move pictures by seconds.
_MIN_OWN_FPS = 20
_MAX_KBIT_S = 2000
_MAX_BYTES = 2 * MAX_PREVIEW_S * _MAX_KBIT_S * 1000 // 8  # a backstop: twice what the rate control allows


def make_preview(
    source: Path,
    destination: Path,
    *,
    threads: int = 2,
    timeout_s: float = PREVIEW_TIMEOUT_S,
    on_tick: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Write a silent H.264 MP4 of `source` to `destination`: complete, or not at all.

    It is upright, at most MAX_SIDE_PX on its longer side and never enlarged. Its times are those of the clip,
    counted from the first picture. `on_tick` gets the share done, 0 to 1, ten times a second; whatever it
    raises ends the work. Raises NotAVideo, and EncodeError: NoFrames, TimedOut, DiskFull, FfmpegMissing.
    """
    partial = destination.with_name(f".chromi-{secrets.token_hex(8)}.partial")
    try:
        info = probe_video(source, on_tick=lambda: on_tick(0.0))
        expected = _rate(info) * min(info.duration_s, MAX_PREVIEW_S)
        writer = FrameWriter(
            threads=threads,
            timeout_s=timeout_s,
            max_bytes=_MAX_BYTES,
            on_tick=lambda frames: on_tick(min(1.0, frames / expected)),
        )
        with TemporaryDirectory() as folder:
            _write(source, info, write_lut(info, Path(folder)), partial, writer)
        publish(partial, destination, on_tick=lambda: on_tick(1.0))
    except OSError as error:
        kind = DiskFull if DiskFull.explains(error) else EncodeError
        raise kind(detail=str(error)) from error
    finally:
        partial.unlink(missing_ok=True)


def _write(source: Path, info: VideoInfo, lut_path: Path | None, partial: Path, writer: FrameWriter) -> None:
    """Encode for seeking: a key frame a second, and none out of order, so that no edit list shifts times."""
    with source.open("rb") as clip:
        writer.write(
            [
                *untrusted_input(clip.fileno(), threads=writer.threads, before=read_all(info)),
                *(
                    "-map",
                    f"0:{info.stream}",
                    "-filter_threads",
                    "1",
                    "-vf",
                    _filters(info, lut_path),
                    "-map_metadata",
                    "-1",
                ),
                *("-c:v", "libx264", "-threads", str(writer.threads), "-preset", "veryfast", "-crf", "28"),
                *("-maxrate", f"{_MAX_KBIT_S}k", "-bufsize", f"{2 * _MAX_KBIT_S}k"),
                *("-g", str(MAX_FPS), "-bf", "0", "-fps_mode", "passthrough", *REPORT_FRAMES),
                *("-movflags", "+faststart", "-f", "mp4", "-y", str(partial)),
            ],
            reads=(lut_path,) if lut_path else (),
            writes=(partial,),
            descriptors=(clip.fileno(),),
        )


def _rate(info: VideoInfo) -> float:
    """Return the frames a second: the clip's own where that is an ordinary rate."""
    return info.fps if info.fps and _MIN_OWN_FPS <= info.fps <= MAX_FPS else MAX_FPS


def _size_px(info: VideoInfo) -> tuple[int, int]:
    """Return width and height of the preview: even, as H.264 wants them, and not larger than the clip's."""
    shrink = min(1.0, MAX_SIDE_PX / max(info.width_px, info.height_px))
    return max(2, 2 * round(info.width_px * shrink / 2)), max(2, 2 * round(info.height_px * shrink / 2))


def _filters(info: VideoInfo, lut_path: Path | None) -> str:
    """Bound the count before anything else, then scale, then bring the colors to an ordinary screen's.

    A picture that changes its shape in mid-clip is shown whole, as browsers show it in a player.
    """
    width, height = _size_px(info)
    scale = f"{scale_to_fit(width, height)}:eval=frame"
    return ",".join(
        (
            f"fps={_rate(info):.6f}:start_time={info.first_frame_s:.6f}",
            f"trim=end_frame={round(_rate(info) * MAX_PREVIEW_S)}",
            "setpts=PTS-STARTPTS",
            *convert_color(info, scale, lut_path),
            *lay_on_paper(info),
            f"format=yuv420p,pad={width}:{height}:-1:-1:eval=frame",
            "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
        )
    )

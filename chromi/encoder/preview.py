"""Make previews: small H.264 copies of clips whose codecs browsers do not play, such as HEVC and ProRes."""

import secrets
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from chromi.encoder.encoder_errors import to_encode_error
from chromi.encoder.frames.color_filters import convert_color, write_lut
from chromi.encoder.frames.filtergraph import ignore_gif_aspect_ratio, scale_to_fit
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.resampling import resample
from chromi.encoder.gif.validate import publish
from chromi.encoder.process.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.seek import decode_all_options
from chromi.encoder.source.video_info import VideoInfo

PREVIEW_TIMEOUT_S = 300.0

MAX_PREVIEW_S = 600
"""Only the first ten minutes of a clip are encoded."""

MAX_SIDE_PX = 640
MAX_FPS = 30

# Slower clips also get MAX_FPS: at the original rate, frames of a slide show would be off by seconds.
_MIN_SOURCE_FPS = 20
_MAX_KBIT_S = 2000
_MAX_BYTES = 2 * MAX_PREVIEW_S * _MAX_KBIT_S * 1000 // 8  # a safety net: twice the rate limit


def make_preview(
    source: Path,
    destination: Path,
    *,
    timeout_s: float = PREVIEW_TIMEOUT_S,
    on_tick: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Write a silent H.264 MP4 of `source` to `destination`, which only appears once complete.

    The preview is upright, at most MAX_SIDE_PX on its longer side, and never enlarged. Its timestamps are
    those of the clip, counted from the first frame. `on_tick` receives the fraction done, 0 to 1, ten times a
    second. Its exceptions end the encoding.

    Raises NotAVideo and EncodeError: NoFrames, TimedOut, DiskFull, FfmpegMissing.
    """
    partial_path = destination.with_name(f".chromi-{secrets.token_hex(8)}.partial")
    try:
        info = probe_video(source, on_tick=lambda: on_tick(0.0))
        expected_frames = _choose_fps(info) * min(info.duration_s, MAX_PREVIEW_S)
        writer = FrameWriter(
            timeout_s=timeout_s,
            max_bytes=_MAX_BYTES,
            on_tick=lambda frames: on_tick(min(1.0, frames / expected_frames)),
        )
        with TemporaryDirectory() as folder:
            _encode(source, info, write_lut(info, Path(folder)), partial_path, writer)
        publish(partial_path, destination, on_tick=lambda: on_tick(1.0))
    except OSError as error:
        raise to_encode_error(error) from error
    finally:
        partial_path.unlink(missing_ok=True)


def _encode(
    source: Path, info: VideoInfo, lut_path: Path | None, partial_path: Path, writer: FrameWriter
) -> None:
    """Encode for fast seeking: a key frame per second, and no B-frames, which would need an edit list."""
    with source.open("rb") as clip:
        writer.write(
            [
                *untrusted_input(clip.fileno(), threads=writer.threads, before=decode_all_options(info)),
                *("-map", f"0:{info.stream}", "-filter_threads", "1", "-vf", _filters(info, lut_path)),
                *("-map_metadata", "-1"),
                *("-c:v", "libx264", "-threads", str(writer.threads), "-preset", "veryfast", "-crf", "28"),
                *("-maxrate", f"{_MAX_KBIT_S}k", "-bufsize", f"{2 * _MAX_KBIT_S}k"),
                *("-g", str(MAX_FPS), "-bf", "0", "-fps_mode", "passthrough", *REPORT_FRAMES),
                *("-movflags", "+faststart", "-f", "mp4", "-y", str(partial_path)),
            ],
            reads=(lut_path,) if lut_path else (),
            writes=(partial_path,),
            descriptors=(clip.fileno(),),
        )


def _choose_fps(info: VideoInfo) -> float:
    """Return the clip's own frame rate if it is in the usual range, or else MAX_FPS."""
    return info.fps if info.fps and _MIN_SOURCE_FPS <= info.fps <= MAX_FPS else MAX_FPS


def _size_px(info: VideoInfo) -> tuple[int, int]:
    """Return the preview's width and height: even, as H.264 requires, and no larger than the clip."""
    scale = min(1.0, MAX_SIDE_PX / max(info.width_px, info.height_px))
    return max(2, 2 * round(info.width_px * scale / 2)), max(2, 2 * round(info.height_px * scale / 2))


def _filters(info: VideoInfo, lut_path: Path | None) -> str:
    """Return the filters, which limit the number of frames, then scale, then convert the colors to BT.709.

    Frames are padded if their aspect ratio changes within the clip, as in a browser's video player.
    """
    fps, (width_px, height_px) = _choose_fps(info), _size_px(info)
    scale = f"{scale_to_fit(width_px, height_px)}:eval=frame"
    return ",".join(
        (
            resample(fps, start_s=info.first_frame_s, clip_s=info.duration_s),
            f"trim=end_frame={round(fps * MAX_PREVIEW_S)}",
            "setpts=PTS-STARTPTS",
            *ignore_gif_aspect_ratio(info),
            *convert_color(info, scale, lut_path),
            f"format=yuv420p,pad={width_px}:{height_px}:-1:-1:eval=frame",
            "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709",
        )
    )

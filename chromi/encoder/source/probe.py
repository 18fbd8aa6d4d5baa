"""Probe a file: read the properties of its video stream from its content, never from its name.

ffmpeg runs briefly: one or more times to list packets without decoding, and once to decode a single frame.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chromi.encoder.process.ffmpeg import DECODERS, MAX_PIXELS, run_ffmpeg, untrusted_input
from chromi.encoder.process.subprocess_runner import LogReader, ProcessLimits, ProcessResult, ignore_line
from chromi.encoder.source.container_sniffing import GIF, MOV, detect_container
from chromi.encoder.source.ffmpeg_log import (
    UNKNOWN,
    ContainerLog,
    FirstFrameLog,
    PacketListing,
    StreamPackets,
)
from chromi.encoder.source.mp4_index_check import check_index
from chromi.encoder.source.video_info import ALPHA_DECODERS, HDR_TRANSFERS, VideoInfo
from chromi.errors import NotAVideo
from chromi.i18n import Message

PROBE_TIMEOUT_S = 20.0
PROBE_MEMORY_BYTES = 768 * 1024**2
"""One frame of 4K ProRes with alpha takes 310 MB, and several clips may be probed in parallel. The limit is
lower on a small machine (`available_memory.py`)."""

_TAIL_S = 2
_HD_HEIGHT_PX = 720
_ALWAYS_BT601 = ("vp9", "av1")
_MINIMAL_ANALYSIS = ("-analyzeduration", "1")  # in µs; by default, ffmpeg decodes seconds of 4K to guess
_NO_STREAM_MATCHES = "matches no streams"


def probe_video(path: Path, *, on_tick: Callable[[], None] = lambda: None) -> VideoInfo:
    """Return the properties of the video stream in `path` that a player would show.

    `on_tick` is called ten times a second; its exceptions end the probe.

    Raises NotAVideo with a message that explains the problem; also OutOfMemory, FfmpegMissing, TimedOut and
    ConverterKilled.
    """
    probe = _Probe(path, time.monotonic() + PROBE_TIMEOUT_S, on_tick)
    container = detect_container(path)
    if container == MOV:
        check_index(path)
    stream, packets = _find_video_stream(probe)
    _check_supported(packets)
    # ffmpeg needs its default analysis duration to find the frame rate of a GIF.
    analysis = () if container == GIF else _MINIMAL_ANALYSIS
    frame, container_log = _decode_first_frame(probe, stream, packets, analysis)
    return _make_video_info(container, stream, packets, frame, container_log)


def _make_video_info(
    container: str, stream: str, packets: StreamPackets, frame: FirstFrameLog, container_log: ContainerLog
) -> VideoInfo:
    # A VP8 bitstream specifies neither matrix nor range, so the values that ffmpeg's decoder reports are
    # arbitrary.
    has_container_color = container_log.vp8_matrix != UNKNOWN
    is_untagged = frame.matrix == UNKNOWN or has_container_color
    has_wrong_tags = frame.format.startswith("yuv") and is_untagged
    matrix = frame.matrix
    if has_wrong_tags:
        matrix = container_log.vp8_matrix if has_container_color else _assume_matrix(packets, frame)
    return VideoInfo(
        container=container,
        codec=packets.codec,
        width_px=_displayed_width_px(container, frame),
        height_px=frame.height_px,
        duration_s=_compute_duration_s(packets, frame),
        fps=frame.fps,
        first_frame_s=float(frame.time_s),
        pixel_format=frame.format,
        color_matrix=matrix,
        color_transfer=frame.transfer,
        x264_build=frame.x264_build if packets.codec == "h264" else None,
        stream=stream,
        color_primaries=frame.primaries,
        color_range=container_log.vp8_range if has_container_color else frame.range,
        has_wrong_tags=has_wrong_tags,
        peak_nits=frame.peak_nits,
    )


def _displayed_width_px(container: str, frame: FirstFrameLog) -> int:
    # Browsers ignore a GIF's aspect ratio field.
    sample_aspect_ratio = 1.0 if container == GIF else frame.sample_aspect_ratio
    return max(1, round(frame.width_px * sample_aspect_ratio))


def describe_part(info: VideoInfo, frame: FirstFrameLog) -> VideoInfo:
    """Return the properties of the part of a clip that starts with `frame`, if they change within the clip.

    The range of VP8 is that of its container.
    """
    return replace(
        info,
        width_px=_displayed_width_px(info.container, frame),
        height_px=frame.height_px,
        pixel_format=frame.format,
        color_range=info.color_range if info.codec == "vp8" else frame.range,
    )


@dataclass(frozen=True)
class _Probe:
    """The file to probe, the deadline on the monotonic clock, and the caller's callback."""

    path: Path
    deadline: float
    on_tick: Callable[[], None]

    def run(
        self,
        input_options: Sequence[str],
        output_options: Sequence[str],
        *,
        on_output: Callable[[str], None] = ignore_line,
        on_log: LogReader = ignore_line,
    ) -> ProcessResult:
        """Run ffmpeg on the file, keeping the file's timestamps."""
        with self.path.open("rb") as clip:
            before = ("-copyts", *input_options)
            outcome = run_ffmpeg(
                [*untrusted_input(clip.fileno(), threads=1, before=before), *output_options],
                limits=ProcessLimits(max(0.1, self.deadline - time.monotonic()), 0, PROBE_MEMORY_BYTES),
                descriptors=(clip.fileno(),),
                on_output=on_output,
                on_log=on_log,
                on_tick=self.on_tick,
            )
        outcome.check_not_killed()  # a killed process says nothing about the file
        outcome.check_memory()
        return outcome


def _find_video_stream(probe: _Probe) -> tuple[str, StreamPackets]:
    """Return the specifier and packets of the video stream that a player would show.

    This is the first default stream with more than one frame, or else the first other such stream. Still
    images before the video (a thumbnail track, the still item of an animated AVIF) are skipped unless there
    is nothing else.

    The last packets suffice if the file declares its duration. Otherwise, all packets are listed to determine
    it: browsers record without a duration, truncated files contain less than they declare, and audio may
    continue after the last frame.
    """
    still: tuple[str, StreamPackets] | None = None
    log = ""
    for streams in ("V:disp:default", "V"):
        output = ("-map", f"0:{streams}", "-c", "copy", "-f", "framecrc", "pipe:1")
        for start in (("-sseof", f"-{_TAIL_S}"), ()):
            packets = PacketListing()
            log = probe.run((*_MINIMAL_ANALYSIS, *start), output, on_output=packets.read).log
            for number, stream in sorted(packets.streams.items()):
                if stream.count > 1:
                    return f"{streams}:{number}", stream
                if stream.count and not start:
                    still = still or (f"{streams}:{number}", stream)
            if _NO_STREAM_MATCHES in log:
                break
    if still:
        return still
    if _NO_STREAM_MATCHES in log:
        raise NotAVideo(Message("This file contains no video, only audio or a cover image."))
    raise NotAVideo(detail=log)


def _check_supported(packets: StreamPackets) -> None:
    """Raise NotAVideo if the frame size or the codec is not supported."""
    width, height = packets.coded_px
    if width * height > MAX_PIXELS:
        raise NotAVideo(
            Message(
                "The video is %(width)s × %(height)s pixels, which is too large. "
                "The maximum is 4K (4096 × 2304).",
                width=str(width),
                height=str(height),
            )
        )
    if packets.codec not in DECODERS:
        raise NotAVideo(
            Message(
                "This video format (%(codec)s) isn’t supported. Save it as an H.264 MP4 and try again.",
                codec=packets.codec,
            )
        )


def _decode_first_frame(
    probe: _Probe, stream: str, packets: StreamPackets, input_options: Sequence[str]
) -> tuple[FirstFrameLog, ContainerLog]:
    """Decode one frame, rotated upright as in all later passes. Raises NotAVideo."""
    frame, container_log = FirstFrameLog(), ContainerLog()

    def read(line: str) -> None:
        frame.read(line)
        container_log.read(line)

    decoder = ALPHA_DECODERS.get(packets.codec)
    outcome = probe.run(
        (*input_options, *(("-c:v", decoder) if decoder else ())),
        ("-map", f"0:{stream}", "-vf", f"trim=end_frame=1,{frame.filter}", "-f", "null", "-"),
        on_log=read,
    )
    if not frame.format:
        raise NotAVideo(
            Message("The video in this file can’t be read; it may be damaged."), detail=outcome.log
        )
    if container_log.needs_dolby_vision:
        raise NotAVideo(
            Message(
                "This video is in Dolby Vision profile 5, which only Dolby’s own players can show. "
                "Export it as HDR10, HLG, or SDR and try again."
            )
        )
    return frame, container_log


def _compute_duration_s(packets: StreamPackets, frame: FirstFrameLog) -> float:
    """Return the time from the first frame to the end of the last packet. Raises NotAVideo."""
    duration_s = round(float(packets.end_s - frame.time_s), 6)
    if duration_s <= 0:
        raise NotAVideo(
            detail=f"the packets end at {packets.end_s} s, the first frame is at {frame.time_s} s"
        )
    return duration_s


def _assume_matrix(packets: StreamPackets, frame: FirstFrameLog) -> str:
    """Return the matrix that Chromium assumes if the file specifies none (docs/encoder.md)."""
    if frame.transfer in HDR_TRANSFERS:
        return "bt2020nc"
    is_hd = packets.coded_px[1] >= _HD_HEIGHT_PX
    return "bt709" if is_hd and packets.codec not in _ALWAYS_BT601 else "smpte170m"

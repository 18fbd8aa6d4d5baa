"""Detect parts of a clip that contain packets but no decodable frames."""

from itertools import pairwise
from pathlib import Path

from chromi.encoder.encoder_errors import FrozenVideo
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.process.ffmpeg import QUIET, run_ffmpeg, untrusted_input
from chromi.encoder.source.ffmpeg_log import FrameLog, PacketListing
from chromi.encoder.source.seek import seek_options
from chromi.encoder.source.video_info import VideoInfo

MAX_GAP_S = 1.0
"""In a longer gap, packets are counted to tell a decoding error from a still image."""

_MIN_LOST_PACKETS = 3  # one or two may be frames that are never shown (VP8's alternate reference frames)
_MARGIN_S = 0.1  # packets this close to a decoded frame may belong to it


def check_for_gaps(
    source: Path, info: VideoInfo, log: FrameLog, start_s: float, end_s: float, writer: FrameWriter
) -> None:
    """Raise FrozenVideo if frames between `start_s` and `end_s` are missing although their packets exist.

    Times are timestamps in the file. ffmpeg runs within the limits of `writer`. Also raises TimedOut.
    """
    times_s = sorted({*(float(time_s) for time_s in log.times_s if time_s < end_s), end_s})
    for before_s, after_s in pairwise(times_s):
        if after_s - before_s > MAX_GAP_S and after_s > start_s:
            lost = _count_packets(source, info, before_s, after_s, writer)
            if lost >= _MIN_LOST_PACKETS:
                raise FrozenVideo(detail=f"{lost} packets from {before_s} to {after_s} s produced no frame")


def _count_packets(source: Path, info: VideoInfo, start_s: float, end_s: float, writer: FrameWriter) -> int:
    """Return the number of packets between two decoded frames, skipping _MARGIN_S next to each."""
    packets = PacketListing()
    with source.open("rb") as clip:
        run_ffmpeg(
            [
                *(*QUIET, *untrusted_input(clip.fileno(), threads=1, before=seek_options(info, start_s))),
                *("-map", f"0:{info.stream}", "-c", "copy", "-to", f"{end_s:.6f}"),
                *("-f", "framecrc", "pipe:1"),
            ],
            limits=writer.limits,
            descriptors=(clip.fileno(),),
            on_output=packets.read,
            on_tick=writer.tick,
        )
    return sum(start_s + _MARGIN_S < time_s < end_s - _MARGIN_S for time_s in packets.times_s)

"""Video in, GIF out: no Flask, no database, no queue. Usable as a library and from the command line."""

from chromi.encoder.convert import PARTIAL_SUFFIX, Progress, Result, convert
from chromi.encoder.doctor import FfmpegReport, inspect_ffmpeg
from chromi.encoder.ffmpeg import MAX_PIXELS, find_ffmpeg
from chromi.encoder.gif import read_first_frame
from chromi.encoder.probe import VideoInfo, probe_video
from chromi.encoder.recipe import (
    MAX_DURATION_S,
    MIN_DURATION_S,
    Recipe,
    format_timecode,
    parse_timecode,
)

__all__ = [
    "MAX_DURATION_S",
    "MAX_PIXELS",
    "MIN_DURATION_S",
    "PARTIAL_SUFFIX",
    "FfmpegReport",
    "Progress",
    "Recipe",
    "Result",
    "VideoInfo",
    "convert",
    "find_ffmpeg",
    "format_timecode",
    "inspect_ffmpeg",
    "parse_timecode",
    "probe_video",
    "read_first_frame",
]

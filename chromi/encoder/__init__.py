"""Video in, GIF out: no Flask, no database, no queue. Usable as a library and from the command line."""

from chromi.encoder.convert import Progress, Result, convert
from chromi.encoder.doctor import inspect_ffmpeg
from chromi.encoder.gif import read_first_frame
from chromi.encoder.probe import VideoInfo, probe_video
from chromi.encoder.recipe import Recipe, format_timecode

__all__ = [
    "Progress",
    "Recipe",
    "Result",
    "VideoInfo",
    "convert",
    "format_timecode",
    "inspect_ffmpeg",
    "probe_video",
    "read_first_frame",
]

"""Video in, GIF out: no Flask, no database, no queue. Usable as a library and from the command line."""

from chromi.encoder.convert import Result, convert, estimate
from chromi.encoder.doctor import inspect_ffmpeg, inspect_gifsicle, inspect_sandbox
from chromi.encoder.gif import copy_first_frame, read_first_frame
from chromi.encoder.loop import LoopWindow, find_loops
from chromi.encoder.options import OPTIONS, Loop
from chromi.encoder.preview import make_preview
from chromi.encoder.probe import VideoInfo, probe_video
from chromi.encoder.progress import READING, Progress
from chromi.encoder.recipe import Recipe
from chromi.encoder.timecode import format_timecode

__all__ = [
    "OPTIONS",
    "READING",
    "Loop",
    "LoopWindow",
    "Progress",
    "Recipe",
    "Result",
    "VideoInfo",
    "convert",
    "copy_first_frame",
    "estimate",
    "find_loops",
    "format_timecode",
    "inspect_ffmpeg",
    "inspect_gifsicle",
    "inspect_sandbox",
    "make_preview",
    "probe_video",
    "read_first_frame",
]

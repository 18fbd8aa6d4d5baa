"""Convert video clips into animated GIFs. This library does not depend on Flask, a database or a queue."""

from chromi.encoder.bars import ContentBox, find_bars
from chromi.encoder.capabilities import inspect_ffmpeg, inspect_gifsicle, inspect_sandbox
from chromi.encoder.gif.validate import first_frame_jpeg, first_frame_png
from chromi.encoder.loops import LoopWindow, find_loops
from chromi.encoder.options import OPTIONS, ConversionOptions, Loop, Quality
from chromi.encoder.pipeline import ConversionResult, SizeEstimate, convert, estimate
from chromi.encoder.preview import make_preview
from chromi.encoder.progress import READING, Progress
from chromi.encoder.source.probe import probe_video
from chromi.encoder.source.video_info import VideoInfo
from chromi.encoder.timecode import format_timecode

__all__ = [
    "OPTIONS",
    "READING",
    "Loop",
    "LoopWindow",
    "Progress",
    "Quality",
    "ConversionOptions",
    "ContentBox",
    "ConversionResult",
    "SizeEstimate",
    "VideoInfo",
    "convert",
    "first_frame_png",
    "estimate",
    "find_bars",
    "find_loops",
    "format_timecode",
    "inspect_ffmpeg",
    "inspect_gifsicle",
    "inspect_sandbox",
    "make_preview",
    "probe_video",
    "first_frame_jpeg",
]

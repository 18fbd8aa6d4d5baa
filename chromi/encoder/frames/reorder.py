"""Kept frames in another order, without decoding them.

Each frame is stored by itself, so any order is a copy: ffmpeg's concat demuxer opens the file anew for each
frame. 144 frames of 1920x1080 in reverse take 0.25 s and 40 MB; the filter `reverse` holds all 450 MB. AVI,
because it finds every frame exactly; NUT may hand out the one before as well.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import cycle
from pathlib import Path

from chromi.encoder.encoder_errors import EncodeError
from chromi.encoder.frames.frame_order import FrameOrder
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.thumbnails import STRIP_GRAPH, STRIP_OUTPUTS
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import REPORT_FRAMES

IN_TIME = f"setts=ts=N:duration=1:time_base=1/{ConversionOptions.fps}"
"""The bitstream filter that gives frame number N the time N/24 s, wherever it came from."""


def rearrange(read_path: Path, order: FrameOrder, frames_path: Path, writer: FrameWriter) -> None:
    """Write the frames of the AVI `read_path` to the NUT `frames_path` in this order.

    What is needed in between goes beside `read_path` and is left there.
    """
    faded_path = read_path.with_name("faded.avi")
    steps = cycle(range(order.fade_frames or 1))
    faded: dict[tuple[tuple[int, int], int], int] = {}  # a repeated clip's fades are made once
    shown = [
        (read_path, item)
        if isinstance(item, int)
        else (faded_path, faded.setdefault((item, next(steps)), len(faded)))
        for item in order.shown
    ]
    if faded:
        _fade(read_path, [pair for pair, _ in faded], order.fade_frames, faded_path, writer)
    list_path = _write_list(read_path.with_name("order.txt"), shown)
    strip = f"[0:v]settb=1/{ConversionOptions.fps},setpts=N,{STRIP_GRAPH}"
    passthrough = ("-fps_mode:v:1", "passthrough", "-fps_mode:v:2", "passthrough")
    copied = writer.copy(
        [
            *("-f", "concat", "-i", str(list_path), "-filter_complex", strip),
            *("-map", "0:v", "-c:v:0", "copy", "-bsf:v:0", IN_TIME, *STRIP_OUTPUTS, *passthrough),
            *("-f", "nut", "-y", str(frames_path)),
        ],
        reads=(list_path, read_path, faded_path),
        writes=(frames_path,),
    )
    if copied != len(order.shown):
        raise EncodeError(detail=f"{copied} frames were copied instead of {len(order.shown)}")


def _fade(
    read_path: Path, fades: list[tuple[int, int]], fade_frames: int, faded_path: Path, writer: FrameWriter
) -> None:
    """Write the mixed frames; one step after the last of a group the second would be whole."""
    inputs: list[str] = []
    list_paths = []
    for name, numbers in zip(("leaving", "coming"), zip(*fades, strict=True), strict=True):
        list_path = _write_list(
            read_path.with_name(f"{name}.txt"), ((read_path, number) for number in numbers)
        )
        list_paths.append(list_path)
        inputs += ["-f", "concat", "-i", str(list_path)]
    in_step = f"settb=1/{ConversionOptions.fps},setpts=N"
    share = f"(mod(round(T*{ConversionOptions.fps}),{fade_frames})+1)/{fade_frames + 1}"
    # Worked out once a line (where X is 0) and remembered: for each pixel it would take half as long again.
    mix = f"A+(B-A)*if(X,ld(0),st(0,{share}))+0.5"
    graph = f"[0:v]{in_step}[a];[1:v]{in_step}[b];[a][b]blend=all_expr='{mix}'"
    writer.write(
        [
            *(*inputs, "-filter_complex_threads", str(writer.threads), "-filter_complex", graph),
            *(*writer.lossless, *REPORT_FRAMES, "-f", "avi", "-y", str(faded_path)),
        ],
        reads=(*list_paths, read_path),
        writes=(faded_path,),
    )


def _write_list(list_path: Path, shown: Iterable[tuple[Path, int]]) -> Path:
    """Write the concat demuxer's list of single frames; its files lie beside it."""
    entries = (
        f"file {path.name}\ninpoint {_at(number, 1)}us\noutpoint {_at(number, 3)}us\n"
        for path, number in shown
    )
    list_path.write_text("ffconcat version 1.0\n" + "".join(entries))
    return list_path


def _at(number: int, quarter: int) -> int:
    """Return a time within a frame, in µs: at its ends rounding might meet the next."""
    return int((number + Fraction(quarter, 4)) * 1_000_000 / ConversionOptions.fps)

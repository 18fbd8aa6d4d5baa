"""Reorder extracted frames without decoding them.

Each frame is compressed independently, so any order is a stream copy: ffmpeg's concat demuxer reopens the
file for each frame. Reversing 144 frames of 1920x1080 takes 0.25 s and 40 MB of memory, while the `reverse`
filter holds all 450 MB. The input is AVI because its index locates every frame exactly. Seeking in a NUT file
may return the previous frame instead.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from chromi.encoder.encoder_errors import EncodeError
from chromi.encoder.frames.frame_order import FrameOrder
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.frames.thumbnails import THUMBNAIL_FILTERS, THUMBNAIL_OUTPUTS
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import REPORT_FRAMES

SET_TIMESTAMPS = f"setts=ts=N:duration=1:time_base=1/{ConversionOptions.fps}"
"""A bitstream filter that sets the timestamp of frame N to N/24 s, replacing the original timestamp."""

_Pair = tuple[int, int]  # the frames to blend: from, to


def reorder_frames(read_path: Path, order: FrameOrder, frames_path: Path, writer: FrameWriter) -> None:
    """Write the frames of the AVI `read_path` to the NUT `frames_path` in the given order, with thumbnails.

    Temporary files are written to the folder of `read_path` and are not removed. Raises TimedOut and
    EncodeError.
    """
    blended_path = read_path.with_name("blended.avi")
    pairs, blend_numbers = _number_blends(order)
    if pairs:
        _blend_frames(read_path, pairs, order.fade_frames, blended_path, writer)
    numbers = iter(blend_numbers)
    shown = [
        (read_path, item) if isinstance(item, int) else (blended_path, next(numbers)) for item in order.shown
    ]
    list_path = _write_list(read_path.with_name("order.txt"), shown)
    thumbnails = f"[0:v]settb=1/{ConversionOptions.fps},setpts=N,{THUMBNAIL_FILTERS}"
    passthrough = ("-fps_mode:v:1", "passthrough", "-fps_mode:v:2", "passthrough")
    copied = writer.copy(
        [
            *("-f", "concat", "-i", str(list_path), "-filter_complex", thumbnails),
            *("-map", "0:v", "-c:v:0", "copy", "-bsf:v:0", SET_TIMESTAMPS, *THUMBNAIL_OUTPUTS, *passthrough),
            *("-f", "nut", "-y", str(frames_path)),
        ],
        reads=(list_path, read_path, blended_path),
        writes=(frames_path,),
    )
    if copied != len(order.shown):
        raise EncodeError(detail=f"{copied} frames were copied instead of {len(order.shown)}")


def _number_blends(order: FrameOrder) -> tuple[list[_Pair], list[int]]:
    """Return the pairs to blend, and which of them is shown at each blended frame of the GIF, by number.

    Repetitions of a clip share equal fades, but only as a whole: the weight depends on the number.
    """
    pairs = [item for item in order.shown if not isinstance(item, int)]
    length = order.fade_frames or 1
    fades = [tuple(pairs[first : first + length]) for first in range(0, len(pairs), length)]
    firsts = {fade: number * length for number, fade in enumerate(dict.fromkeys(fades))}
    numbers = [firsts[fade] + step for fade in fades for step in range(length)]
    return [pair for fade in firsts for pair in fade], numbers


def _blend_frames(
    read_path: Path, pairs: list[_Pair], fade_frames: int, blended_path: Path, writer: FrameWriter
) -> None:
    """Write the blended frames.

    The weight of the second frame rises from 1/(n+1) to n/(n+1) during a fade.
    """
    inputs: list[str] = []
    list_paths = []
    for name, numbers in zip(("fade-out", "fade-in"), zip(*pairs, strict=True), strict=True):
        list_path = _write_list(
            read_path.with_name(f"{name}.txt"), ((read_path, number) for number in numbers)
        )
        list_paths.append(list_path)
        inputs += ["-f", "concat", "-i", str(list_path)]
    retime = f"settb=1/{ConversionOptions.fps},setpts=N"
    weight = f"(mod(round(T*{ConversionOptions.fps}),{fade_frames})+1)/{fade_frames + 1}"
    # The weight is computed once per line (where X is 0) and stored. Computing it per pixel takes 50% longer.
    blend = f"A+(B-A)*if(X,ld(0),st(0,{weight}))+0.5"
    graph = f"[0:v]{retime}[a];[1:v]{retime}[b];[a][b]blend=all_expr='{blend}'"
    writer.write(
        [
            *(*inputs, "-filter_complex_threads", str(writer.threads), "-filter_complex", graph),
            *(*writer.lossless_codec, *REPORT_FRAMES, "-f", "avi", "-y", str(blended_path)),
        ],
        reads=(*list_paths, read_path),
        writes=(blended_path,),
    )


def _write_list(list_path: Path, shown: Iterable[tuple[Path, int]]) -> Path:
    """Write a list of single frames for the concat demuxer. All files must be in the list's folder."""
    entries = (
        f"file {path.name}\ninpoint {_time_within_us(number, 1)}us\noutpoint {_time_within_us(number, 3)}us\n"
        for path, number in shown
    )
    list_path.write_text("ffconcat version 1.0\n" + "".join(entries))
    return list_path


def _time_within_us(number: int, quarter: int) -> int:
    """Return the time at the given quarter of a frame, in µs.

    A time at the frame's boundary could be rounded into the neighboring frame.
    """
    return int((number + Fraction(quarter, 4)) * 1_000_000 / ConversionOptions.fps)

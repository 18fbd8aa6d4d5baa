"""Generate the table of frame orders that tests compare with both the encoder and the studio.

`python -m tests.support.frame_order_vectors` regenerates it from the encoder. Frames are written as runs:
"0-3" is 0, 1, 2, 3, and "9-7>0-2" is 9 fading into 0, 8 into 1, 7 into 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from chromi.encoder.frames.frame_order import FrameOrder, frames_to_read, order_frames, read_from_s
from chromi.encoder.options import ConversionOptions, Loop, Short

PATH = Path(__file__).parents[1] / "vectors" / "order.json"

DURATIONS = ("1", "1.042", "2.5", "6")
"""The durations of 24, 25, 60 and 144 frames."""
TYPED_DURATIONS = ("1", "1.02", "1.021", "1.0625", "1.1875", "2.0208", "5.99999", "7.3", "10")
"""Rounded to milliseconds when parsed. 1.0625 and 1.1875 are halfway between two, and between two frames."""
SPEEDS = ("0.5", "1", "1.25", "2")
STARTS = ("0", "0.3", "7.9")
CLIPS_S = (0.04, 1.0, 5.02, 8.0, 8.01, 8.03)
"""Clip durations that end at different fractions of a frame."""

Shown = list[int | tuple[int, int]]


def make_table() -> dict[str, Any]:
    frames = [
        {"duration": typed, "frames": ConversionOptions.parse(duration=typed).frames}
        for typed in TYPED_DURATIONS
    ]
    return {"frames": frames, "orders": list(_orders()), "reads": list(_reads())}


def make_options(case: dict[str, Any]) -> ConversionOptions:
    """Parse a case's options like the server."""
    names = ("start_time", "duration", "speed", "loop", "short")
    typed = {name: case[name] for name in names if name in case}
    return ConversionOptions.parse(**typed, reverse="yes" if case["reverse"] else "no")


def count_frames(options: ConversionOptions, from_s: float, clip_s: float) -> int:
    """Return how many frames of the window a clip has. A frame that is on screen for half its time counts."""
    available = int((clip_s - from_s) * options.fps / options.speed + 0.5)
    return min(frames_to_read(options), max(1, available))


def decode(text: str) -> Shown:
    """Return the frames described by a text of runs."""
    shown: Shown = []
    for run in text.split():
        first, _, second = run.partition(">")
        shown += zip(_expand(first), _expand(second), strict=True) if second else _expand(first)
    return shown


def encode(order: FrameOrder) -> str:
    """Return the text of runs that describes an order."""
    runs: list[list[tuple[int, ...]]] = []
    for item in order.shown:
        frame = (item,) if isinstance(item, int) else item
        if runs and _continues(runs[-1], frame):
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return " ".join(">".join(_write_run(numbers) for numbers in zip(*run, strict=True)) for run in runs)


def _orders() -> Iterator[dict[str, Any]]:
    for duration, loop, short, reverse in product(DURATIONS, Loop, Short, (False, True)):
        case = {"duration": duration, "loop": loop.value, "short": short.value, "reverse": reverse}
        options = make_options(case)
        counts = [count for count in _counts(options.frames) if count <= frames_to_read(options)]
        shown = {str(count): encode(order_frames(count, options)) for count in counts}
        yield case | {"frames": options.frames, "shown": shown}


def _counts(frames: int) -> list[int]:
    """Return some frame counts of the clip, from one frame to the maximum that any order reads."""
    half = frames // 2
    few = (1, 2, 3, 4, 5, 8, 12, 13) if frames < 30 else (8, 13)
    return sorted({*few, half, half + 1, half + 2, frames - 1, frames, frames + 1, frames + 11, frames + 12})


def _reads() -> Iterator[dict[str, Any]]:
    for loop, reverse, speed, start in product(Loop, (False, True), SPEEDS, STARTS):
        case = {"loop": loop.value, "reverse": reverse, "speed": speed, "start_time": start}
        options = make_options(case)
        for clip_s in CLIPS_S:
            if options.start_s < clip_s:
                from_s = min(read_from_s(options), max(0.0, clip_s - options.speed / options.fps))
                yield case | {
                    "clip_s": clip_s,
                    "from_s": round(from_s, 9),
                    "count": count_frames(options, from_s, clip_s),
                }


def _continues(run: list[tuple[int, ...]], frame: tuple[int, ...]) -> bool:
    if len(run[0]) != len(frame):
        return False
    steps = [new - old for new, old in zip(frame, run[-1], strict=True)]
    before = [new - old for new, old in zip(run[-1], run[-2], strict=True)] if len(run) > 1 else steps
    return steps == before and all(abs(step) == 1 for step in steps)


def _write_run(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def _expand(run: str) -> list[int]:
    first, _, last = run.partition("-")
    low, high = int(first), int(last or first)
    return list(range(low, high + 1)) if low <= high else list(range(low, high - 1, -1))


def write_table() -> None:
    """Write the table with one case per line."""
    parts = (
        f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
        for name, cases in make_table().items()
    )
    PATH.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    write_table()

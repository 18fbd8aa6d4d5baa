"""A few frames that stand for all: drawn and measured, they tell what the whole would be like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.drawing import PART_FRAMES, Drawing, Film, draw
from chromi.encoder.ffmpeg import QUIET, kept_input, run
from chromi.encoder.metrics import Likeness, compare
from chromi.encoder.process import Limits
from chromi.encoder.splice import read_frames

PAIRS = 4
_MAX_BYTES = 64 * 1024**2
_REPEATED_FRAME_BYTES = 25
_TABLE_BYTES = 768


@dataclass(frozen=True)
class Sample:
    """Pairs of neighbouring frames; the second of each pair stands for an equal share of those that move.

    `frames` is how many the whole has, `moving` how many of them differ from the one before.
    """

    film: Film
    frames: int
    moving: int


@dataclass(frozen=True)
class Measured:
    """What a drawing of the sample took, for a whole picture and for a step to the next, and its likeness."""

    drawing: Drawing
    whole_bytes: float
    step_bytes: float
    likeness: Likeness

    def total_bytes(self, sample: Sample, *, changing: bool) -> float:
        """What the whole film would take, each second beginning with a whole picture or only the first."""
        wholes = -(-sample.frames // PART_FRAMES) if changing else 1
        steps = max(0, sample.moving - wholes + 1)
        repeated = sample.frames - 1 - sample.moving
        return (
            wholes * (self.whole_bytes + _TABLE_BYTES)
            + steps * self.step_bytes
            + repeated * _REPEATED_FRAME_BYTES
        )


def take_sample(film: Film, *, limits: Limits, on_tick: Callable[[], None]) -> Sample:
    """Cut the sample out of the kept frames. Raises TimedOut and EncodeError.

    The frames are ordered by how much moves in them and cut into equal shares; the middle of each is taken.
    Repeated frames cost nothing and are left out (a 20 fps clip has 24 of them in six seconds).
    """
    motion = film.strip.motion()
    moving = sorted((number for number in range(1, film.count) if motion[number]), key=motion.__getitem__)
    pairs = min(PAIRS, len(moving))
    firsts = [moving[(2 * share + 1) * len(moving) // (2 * pairs)] - 1 for share in range(pairs)] or [0]
    folder = film.work_dir / "sample"
    folder.mkdir()
    path = folder / "frames.nut"
    run([*QUIET, *_cut(film.frames_path, firsts, path)], limits=limits, on_tick=on_tick).check()
    count = 2 * len(firsts) if film.count > 1 else 1
    return Sample(Film(path, count, film.strip, folder), film.count, len(moving))


def measure(sample: Sample, drawing: Drawing, *, limits: Limits, check: Callable[[], None]) -> Measured:
    """Draw the sample and look at it; `check` is called ten times a second. Raises TimedOut, EncodeError."""
    film = sample.film
    name = f"sample-{drawing.palette}-{drawing.dither}-{drawing.colours}".replace(":", "-")
    gif_path = film.work_dir / f"{name}.gif"
    draw(film, drawing, gif_path, threads=1, timeout_s=limits.wall_s, on_tick=lambda frames: check())
    sizes = [frame.size_bytes for frame in read_frames(gif_path)]
    wholes, steps = sizes[::2], sizes[1::2] or [0]
    return Measured(
        drawing,
        whole_bytes=sum(wholes) / len(wholes),
        step_bytes=sum(steps) / len(steps),
        likeness=compare(
            gif_path,
            film.frames_path,
            gif_path.with_suffix(".json"),
            which="mod(n,2)" if film.count > 1 else "1",  # the second of each pair
            limits=limits,
            on_tick=check,
        ),
    )


def _cut(frames_path: Path, firsts: Sequence[int], path: Path) -> list[str]:
    inputs: list[str] = []
    for first in firsts:
        inputs += kept_input(frames_path, first)
    cuts = ";".join(f"[{number}:v]trim=end_frame=2,setpts=N/TB/24[{number}]" for number in range(len(firsts)))
    labels = "".join(f"[{number}]" for number in range(len(firsts)))
    graph = f"{cuts};{labels}concat=n={len(firsts)}[all]"
    return [
        *inputs,
        *("-filter_complex_threads", "1", "-filter_complex", graph, "-map", "[all]"),
        *("-c:v", "utvideo", "-fps_mode", "passthrough", "-f", "nut", "-y", str(path)),
    ]

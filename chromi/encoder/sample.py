"""A few frames that stand for all: drawn and measured, they tell what the whole would be like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chromi.encoder.drawing import PART_FRAMES, Drawing, Film, Part
from chromi.encoder.ffmpeg import QUIET, kept_input, run
from chromi.encoder.metrics import Comparison, Likeness
from chromi.encoder.process import Limits
from chromi.encoder.splice import read_frames

PAIRS = 4
_REPEATED_FRAME_BYTES = 25
_TABLE_BYTES = 768


@dataclass(frozen=True)
class Sample:
    """Pairs of neighbouring frames; the second of each pair stands for an equal share of those that move.

    `film` is to hold the pairs when they are `cut` out of `whole`; `firsts` are their first frames' numbers
    there. `moving` is how many frames of the whole differ from the one before.
    """

    film: Film
    whole: Film
    firsts: Sequence[int]
    moving: int
    limits: Limits

    @property
    def frames(self) -> int:
        """How many the whole has."""
        return self.whole.count

    def cut(self, check: Callable[[], None]) -> None:
        """Make the sample's film; `check` is called ten times a second. Raises TimedOut and EncodeError."""
        run([*QUIET, *self._cutting()], limits=self.limits, on_tick=check).check()

    def write_palette(self, drawing: Drawing) -> None:
        """Write the palette that `measure` needs, unless it is there. Raises TimedOut and EncodeError."""
        self._part(drawing).write_palette()

    def measure(self, drawing: Drawing, check: Callable[[], None]) -> "Measured":
        """Draw the sample and look at the second frame of each pair; `check` and errors as for `cut`."""
        part = self._part(drawing)
        which = "mod(n,2)" if self.film.count > 1 else "1"
        comparison = part.looks = Comparison(part.result.path.with_suffix(".json"), which)
        part.draw(check)
        sizes = [frame.size_bytes for frame in read_frames(part.result.path)]
        wholes, steps = sizes[::2], sizes[1::2] or [0]
        return Measured(drawing, sum(wholes) / len(wholes), sum(steps) / len(steps), comparison.likeness())

    def _part(self, drawing: Drawing) -> Part:
        return Part(self.film, drawing, self.limits)

    def _cutting(self) -> list[str]:
        inputs: list[str] = []
        for first in self.firsts:
            inputs += kept_input(self.whole.frames_path, first)
        count = len(self.firsts)
        cuts = ";".join(f"[{number}:v]trim=end_frame=2,setpts=N/TB/24[{number}]" for number in range(count))
        labels = "".join(f"[{number}]" for number in range(count))
        return [
            *inputs,
            *("-filter_complex_threads", "1"),
            *("-filter_complex", f"{cuts};{labels}concat=n={count}[all]", "-map", "[all]"),
            *("-c:v", "utvideo", "-fps_mode", "passthrough", "-f", "nut", "-y", str(self.film.frames_path)),
        ]


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


def choose_sample(film: Film, limits: Limits) -> Sample:
    """Choose the frames.

    They are ordered by how much moves in them and cut into equal shares; the middle of each is taken.
    Repeated frames cost nothing and are left out (a 20 fps clip has 24 of them in six seconds).
    """
    motion = film.strip.motion()
    moving = sorted((number for number in range(1, film.count) if motion[number]), key=motion.__getitem__)
    pairs = min(PAIRS, len(moving))
    firsts = [moving[(2 * share + 1) * len(moving) // (2 * pairs)] - 1 for share in range(pairs)] or [0]
    count = 2 * len(firsts) if film.count > 1 else 1
    sampled = replace(film, frames_path=film.work_dir / "sample.nut", count=count)
    return Sample(sampled, film, firsts, len(moving), limits)

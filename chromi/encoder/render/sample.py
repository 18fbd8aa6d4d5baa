"""A few frames that stand for all: drawn and measured, they tell what the whole would be like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chromi.encoder.gif import concat
from chromi.encoder.gif.concat import read_frames
from chromi.encoder.process.ffmpeg import QUIET, frames_input, run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.palette import measure_color_error
from chromi.encoder.render.quality_metrics import Comparison, QualityScores
from chromi.encoder.render.renderer import FrameStore, Part, RenderSettings

PAIRS = 4
_FRAMES_PER_PAIR = 6
"""A clip of under 20 moving frames has fewer pairs, so that looking does not cost more than drawing it."""
_REPEATED_FRAME_BYTES = 25
_WORTH_ANOTHER_KIND = 1.02
"""Writing every frame twice takes a third longer: two percent fewer bytes are worth it."""


@dataclass(frozen=True)
class Sample:
    """Pairs of neighbouring frames; the second of each pair stands for an equal share of those that move.

    `film` is to hold the pairs when they are `cut` out of `whole`; `firsts` are their first frames' numbers
    there. `moving` is how many frames of the whole differ from the one before.
    """

    film: FrameStore
    whole: FrameStore
    firsts: Sequence[int]
    moving: int
    limits: ProcessLimits

    def cut(self, check: Callable[[], None]) -> None:
        """Make the sample's film; `check` is called ten times a second. Raises TimedOut and EncodeError."""
        run_ffmpeg(
            [*QUIET, *self._cutting()],
            limits=self.limits,
            reads=(self.whole.frames_path,),
            writes=(self.film.frames_path,),
            on_tick=check,
        ).check()

    def write_palette(self, drawing: RenderSettings) -> None:
        """Write the palette that `look` needs, unless it is there."""
        self._part(drawing).write_palette()

    def look(self, drawing: RenderSettings, check: Callable[[], None]) -> "Measurement":
        """Weigh a drawing and look at the second frame of each pair; `check` and errors as for `cut`."""
        part = self._part(drawing)
        which = "mod(n,2)" if self.film.count > 1 else "1"
        comparison = part.looks = Comparison(self.film.work_dir / f"{part.name}.json", which)
        total_bytes, kinds = self._weigh(part, check)
        color_error = measure_color_error(self.film.strip, part.palette_path)
        return Measurement(drawing, total_bytes, kinds, comparison.likeness(color_error))

    def weigh(self, drawing: RenderSettings, check: Callable[[], None]) -> float:
        """Return the bytes that the whole film would take; `check` and errors as for `cut`."""
        self.write_palette(drawing)
        return self._weigh(self._part(drawing), check)[0]

    def _part(self, drawing: RenderSettings) -> Part:
        return Part(self.film, drawing, self.limits, range(self.film.count))

    def _weigh(self, part: Part, check: Callable[[], None]) -> tuple[float, frozenset[str]]:
        part.draw(check)
        written = zip(part.drawing.kinds, part.result.paths, strict=True)
        sizes = {
            kind: [frame.size_bytes for frame in read_frames(concat.Part([path]))] for kind, path in written
        }
        part.discard()
        total_bytes = self._total_bytes([min(same) for same in zip(*sizes.values(), strict=True)])
        enough = _WORTH_ANOTHER_KIND * total_bytes
        return total_bytes, frozenset(kind for kind in sizes if self._total_bytes(sizes[kind]) <= enough)

    def _total_bytes(self, sizes: Sequence[int]) -> float:
        """The first frame is whole; of the others only the second of each pair is a step as in the film."""
        steps = sizes[1::2] or [0]
        repeated = self.whole.count - 1 - self.moving
        return sizes[0] + self.moving * sum(steps) / len(steps) + repeated * _REPEATED_FRAME_BYTES

    def _cutting(self) -> list[str]:
        inputs: list[str] = []
        for first in self.firsts:
            inputs += frames_input(self.whole.frames_path, first)
        count = len(self.firsts)
        cuts = ";".join(f"[{number}:v]trim=end_frame=2,setpts=N/TB/24[{number}]" for number in range(count))
        labels = "".join(f"[{number}]" for number in range(count))
        return [
            *inputs,
            *("-filter_complex_threads", "1"),
            *("-filter_complex", f"{cuts};{labels}concat=n={count}[all]", "-map", "[all]"),
            *(
                "-c:v",
                "utvideo",
                "-fps_mode",
                "passthrough",
                "-f",
                "nut",
                "-y",
                str(self.film.frames_path),
            ),
        ]


@dataclass(frozen=True)
class Measurement:
    """What a drawing of the whole film would take, and how much of the film it keeps.

    `kinds` are those that alone are about as small as all together.
    """

    drawing: RenderSettings
    total_bytes: float
    kinds: frozenset[str]
    likeness: QualityScores


def choose_sample(film: FrameStore, limits: ProcessLimits) -> Sample:
    """Choose the frames.

    They are ordered by how much moves in them and cut into equal shares; the middle of each is taken.
    Repeated frames cost nothing and are left out (a 20 fps clip has 24 of them in six seconds).
    """
    motion = film.strip.motion()
    moving = sorted((number for number in range(1, film.count) if motion[number]), key=motion.__getitem__)
    pairs = min(PAIRS, -(-len(moving) // _FRAMES_PER_PAIR))
    firsts = [moving[(2 * share + 1) * len(moving) // (2 * pairs)] - 1 for share in range(pairs)] or [0]
    count = 2 * len(firsts) if film.count > 1 else 1
    sampled = replace(film, frames_path=film.work_dir / "sample.nut", count=count)
    return Sample(sampled, film, firsts, len(moving), limits)

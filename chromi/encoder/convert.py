"""A clip in, a GIF out: the passes in their order, with progress, a deadline and a clean floor afterwards."""

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chromi.encoder.frames import KeptFrames, keep_frames
from chromi.encoder.gif import GifFacts, check_gif, draw_gif, publish
from chromi.encoder.probe import probe_video
from chromi.encoder.recipe import Recipe
from chromi.errors import DiskFull, EncodeError, Stopped, TimedOut

CONVERT_TIMEOUT_S = 300.0

# Where each step begins on the scale of the whole conversion; 1080p H.264 spends its time about so.
_READING, _DRAWING, _CHECKING, _DONE = 0.0, 0.3, 0.8, 1.0


@dataclass(frozen=True)
class Progress:
    """How far a conversion is: step reading, encoding or checking; fraction 0 to 1 of the whole."""

    step: str
    fraction: float
    message: str


@dataclass(frozen=True)
class Result:
    """What came out; `seconds` is the time that each step took."""

    frames: int
    bytes: int
    duration_cs: int
    width_px: int
    height_px: int
    seconds: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Result":
        return cls(**values)


def convert(
    source: Path,
    destination: Path,
    recipe: Recipe,
    *,
    work_dir: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    threads: int = 2,
    timeout_s: float = CONVERT_TIMEOUT_S,
) -> Result:
    """Turn the window of `source` into a GIF at `destination`: complete and checked, or not there at all.

    `work_dir` is created, filled with up to 640 MiB, and removed. Both callbacks are called several times a
    second. Raises NotAVideo, BadOptions (the window is outside the clip), and EncodeError: NoFrames,
    BrokenResult, TimedOut, Stopped, DiskFull, FfmpegMissing.
    """
    watch = _Watch(on_progress, should_stop, timeout_s)
    partial = destination.with_name(f".chromi-{secrets.token_hex(8)}.partial")
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        kept = _read(source, recipe, work_dir, watch, threads)
        _draw(kept, partial, watch, threads)
        facts = _check(partial, recipe, kept, watch)
        size_bytes = partial.stat().st_size
        publish(partial, destination)
    except OSError as error:
        raise _explain(error) from error
    finally:
        partial.unlink(missing_ok=True)
        shutil.rmtree(work_dir, ignore_errors=True)
    return Result(kept.count, size_bytes, sum(facts.delays_cs), *facts.size_px, seconds=watch.seconds)


class _Watch:
    """Report progress that never goes back; end the conversion when it should stop or takes too long."""

    def __init__(
        self, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool], timeout_s: float
    ) -> None:
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._deadline = time.monotonic() + timeout_s
        self._fraction = 0.0
        self.seconds: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        return self._deadline - time.monotonic()

    def report(self, step: str, fraction: float, message: str) -> None:
        """Pass progress on. Raises Stopped and TimedOut, here and nowhere else."""
        self._fraction = min(_DONE, max(self._fraction, fraction))
        self._on_progress(Progress(step, self._fraction, message))
        if self._should_stop():
            raise Stopped
        if self.left_s <= 0:
            raise TimedOut(detail=f"out of time while {step}")

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - start, 3)


def _read(source: Path, recipe: Recipe, work_dir: Path, watch: _Watch, threads: int) -> KeptFrames:
    def tick(frames: int) -> None:
        done = frames / recipe.frames
        message = "Choosing colours" if done >= 1 else "Reading your clip"
        watch.report("reading", _READING + done * (_DRAWING - _READING), message)

    with watch.timing("reading"):
        info = probe_video(source, on_tick=lambda: tick(0))
        recipe.check_against(info)
        return keep_frames(
            source, info, recipe, into=work_dir, threads=threads, timeout_s=watch.left_s, on_tick=tick
        )


def _draw(kept: KeptFrames, partial: Path, watch: _Watch, threads: int) -> None:
    def tick(frames: int) -> None:
        share = frames / kept.count
        watch.report("encoding", _DRAWING + share * (_CHECKING - _DRAWING), "Drawing the GIF")

    with watch.timing("encoding"):
        draw_gif(kept, partial, threads=threads, timeout_s=watch.left_s, on_tick=tick)


def _check(partial: Path, recipe: Recipe, kept: KeptFrames, watch: _Watch) -> GifFacts:
    def tick(frames: int) -> None:
        share = frames / kept.count
        watch.report("checking", _CHECKING + share * (_DONE - _CHECKING), "Checking the result")

    with watch.timing("checking"):
        return check_gif(partial, recipe, kept.count, on_tick=tick)


def _explain(error: OSError) -> EncodeError:
    kind = DiskFull if DiskFull.explains(error) else EncodeError
    return kind(detail=str(error))

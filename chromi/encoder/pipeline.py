"""A clip in, a GIF out: the passes in their order, with progress, a deadline and a clean floor afterwards."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chromi.encoder.encoder_errors import DiskFull, EncodeError
from chromi.encoder.frames.extract import FRAMES_FILE, extract_frames
from chromi.encoder.frames.poster import Poster
from chromi.encoder.frames.thumbnails import Thumbnails, read_thumbnails
from chromi.encoder.gif.validate import GifInfo, publish, validate_gif
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.subprocess_runner import Limits
from chromi.encoder.progress import (
    CHECKING,
    CHOOSING,
    READING,
    RENDERING,
    SHRINKING,
    Progress,
    ProgressTracker,
)
from chromi.encoder.render.ladder import Choice, budget_bytes, choose
from chromi.encoder.render.rate_control import FittedGif, fit
from chromi.encoder.render.renderer import MAX_GIF_BYTES, FrameStore, RenderSettings, draw
from chromi.encoder.render.sample import choose_sample
from chromi.encoder.source.probe import probe_video

CONVERT_TIMEOUT_S = 300.0

# Where each step begins on the scale of the whole conversion; 1080p H.264 spends its time about so.
_READING, _CHOOSING, _DRAWING, _CHECKING, _DONE = 0.0, 0.25, 0.4, 0.97, 1.0


@dataclass(frozen=True)
class ConversionResult:
    """What came out; `seconds` is the time that each step took.

    `drawing` says how the frames were drawn in the end (the fields of RenderSettings), `tries` how many whole
    drawings that took, and `estimates` what each quality was expected to take, in bytes. Rows may hold
    results of an older version, which had none of these.
    """

    frames: int
    bytes: int
    duration_cs: int
    width_px: int
    height_px: int
    seconds: Mapping[str, float]
    drawing: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 1
    estimates: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ConversionResult":
        return cls(**values)


def convert(
    source: Path,
    destination: Path,
    options: ConversionOptions,
    *,
    work_dir: Path,
    frame_cache_path: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    threads: int = 2,
    poster: Path | None = None,
    timeout_s: float = CONVERT_TIMEOUT_S,
) -> ConversionResult:
    """Turn the window of `source` into a GIF at `destination`: complete and checked, or not there at all.

    `poster` (.png, .jpg) gets the first frame once the GIF is complete. `work_dir` is created, holds at most
    twice `max_frames_bytes`, and is removed. `frame_cache_path`, on the same file system, keeps the extracted
    frames of this clip and `ConversionOptions.frame_cache_key()` for the next run; if it exists, the clip is
    not read. `threads` is both the number of decoder threads and of segments rendered in parallel. Both
    callbacks are called several times per second.

    Raises NotAVideo, BadOptions (the window is outside the clip), and EncodeError: NoFrames, CannotFit,
    BrokenResult, TimedOut, Cancelled, DiskFull, FfmpegMissing.
    """
    run = _Run(source, options, work_dir, threads, ProgressTracker(on_progress, should_stop, timeout_s))
    partial = destination.with_name(f".chromi-{secrets.token_hex(8)}.partial")
    still = Poster(poster)
    with run.cleaning(partial):
        try:
            film = run.read(frame_cache_path)
            still.draw(film.frames_path)
            choice = run.choose(film)
            fitted = run.draw(film, choice, partial)
            facts = run.check(partial, film)
            publish(partial, destination, on_tick=run.wait_for_disk)
            still.publish(on_tick=run.wait_for_disk)
        finally:
            still.discard()
    return ConversionResult(
        film.count,
        fitted.bytes,
        sum(facts.delays_cs),
        *facts.size_px,
        seconds=run.watch.durations_s,
        drawing=asdict(fitted.drawing),
        tries=fitted.tries,
        estimates=choice.estimates(),
    )


def estimate(
    source: Path,
    options: ConversionOptions,
    *,
    work_dir: Path,
    frame_cache_path: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    threads: int = 2,
    timeout_s: float = CONVERT_TIMEOUT_S,
) -> dict[str, int]:
    """Return the bytes that each quality is expected to take, mostly within 15 %.

    As `convert`, up to the choice of colors: what it leaves at `frame_cache_path` saves the conversion its
    reading. Raises the same errors.
    """
    run = _Run(source, options, work_dir, threads, ProgressTracker(on_progress, should_stop, timeout_s))
    with run.cleaning():
        return run.choose(run.read(frame_cache_path)).estimates()


@dataclass
class _Run:
    """One conversion: its steps, one method each."""

    source: Path
    options: ConversionOptions
    work_dir: Path
    threads: int
    watch: ProgressTracker

    @contextmanager
    def cleaning(self, *partial: Path) -> Iterator[None]:
        """Make the work folder; in the end remove it and what is unfinished. OSErrors become EncodeErrors."""
        try:
            shutil.rmtree(self.work_dir, ignore_errors=True)  # a killed run's frames may be half written
            self.work_dir.mkdir(parents=True)
            yield
        except OSError as error:
            raise _explain(error) from error
        finally:
            for path in partial:
                path.unlink(missing_ok=True)
            shutil.rmtree(self.work_dir, ignore_errors=True)

    @property
    def limits(self) -> Limits:
        return Limits(max(0.1, self.watch.remaining_s), MAX_GIF_BYTES)

    def read(self, frame_cache_path: Path | None) -> FrameStore:
        """Decode the window, unless that was done before."""
        own_path = self.work_dir / FRAMES_FILE
        with self.watch.measure_duration("reading"):
            if not (frame_cache_path and _link(frame_cache_path, own_path)):
                self._decode()
                if frame_cache_path:
                    _link(own_path, frame_cache_path)
            strip = self._read_strip(own_path)
        return FrameStore(own_path, len(strip.frames), strip, self.work_dir)

    def _read_strip(self, frames_path: Path) -> Thumbnails:
        def tick() -> None:
            self.watch.report("reading", _CHOOSING, READING)

        return read_thumbnails(frames_path, self.work_dir, limits=self.limits, on_tick=tick)

    def _decode(self) -> None:
        def tick(frames: int) -> None:
            share = frames / self.options.frames
            self.watch.report("reading", share * _CHOOSING, READING)

        info = probe_video(self.source, on_tick=lambda: tick(0))
        self.options.check_against(info)
        extract_frames(
            self.source,
            info,
            self.options,
            into=self.work_dir,
            threads=self.threads,
            timeout_s=self.watch.remaining_s,
            on_tick=tick,
        )

    def choose(self, film: FrameStore) -> Choice:
        def tick() -> None:
            self.watch.report("choosing", _CHOOSING, CHOOSING)

        with self.watch.measure_duration("choosing"):
            tick()
            sample = choose_sample(film, self.limits)
            return choose(sample, self.options, threads=self.threads, on_tick=tick)

    def draw(self, film: FrameStore, choice: Choice, gif_path: Path) -> FittedGif:
        def draw_once(drawing: RenderSettings, path: Path) -> int:
            begin = max(_DRAWING, self.watch.fraction)  # of what is left, a try takes most and leaves some
            end = begin + (_CHECKING - begin) * 0.8
            message = RENDERING if begin == _DRAWING else SHRINKING

            def tick(frames: int) -> None:
                share = frames / film.count
                self.watch.report("encoding", begin + share * (end - begin), message)

            remaining_s = self.watch.remaining_s
            draw(film, drawing, path, threads=self.threads, timeout_s=remaining_s, on_tick=tick)
            return path.stat().st_size

        with self.watch.measure_duration("encoding"):
            best = choice.best_rung(self.options)
            return fit(choice, best, budget_bytes(self.options), gif_path, draw_once)

    def check(self, gif_path: Path, film: FrameStore) -> GifInfo:
        def tick(frames: int) -> None:
            share = frames / film.count
            self.watch.report("checking", _CHECKING + share * (_DONE - _CHECKING), CHECKING)

        with self.watch.measure_duration("checking"):
            return validate_gif(gif_path, self.options, film.count, on_tick=tick)

    def wait_for_disk(self) -> None:
        self.watch.report("checking", _DONE, CHECKING)


def _link(path: Path, another: Path) -> bool:
    """Give a file a second name, with which it stays when the first is removed; False if that cannot be."""
    try:
        os.link(path, another)
    except OSError:  # not there, or a volume without hard links: then nothing is kept
        return False
    return True


def _explain(error: OSError) -> EncodeError:
    kind = DiskFull if DiskFull.explains(error) else EncodeError
    return kind(detail=str(error))

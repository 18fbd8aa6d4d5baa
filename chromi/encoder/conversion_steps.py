"""The steps of a conversion, with progress, a deadline and cleanup."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from chromi.encoder.encoder_errors import to_encode_error
from chromi.encoder.frames.extract import FRAMES_FILENAME, extract_frames
from chromi.encoder.frames.thumbnails import read_thumbnails
from chromi.encoder.gif.concat import get_delays_cs
from chromi.encoder.gif.validate import GifInfo, validate_gif
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.progress import CHECKING, CHOOSING, READING, RENDERING, SHRINKING, ProgressTracker
from chromi.encoder.render.ladder import Ladder, build_ladder
from chromi.encoder.render.rate_control import FittedGif, fit_to_budget
from chromi.encoder.render.render_settings import FrameStore, RenderSettings
from chromi.encoder.render.renderer import MAX_GIF_BYTES, render_gif
from chromi.encoder.render.sample import Sampler
from chromi.encoder.source.probe import probe_video

# The fraction of the whole conversion at which each step starts. Seven conversions of clips of up to 1080p
# spent 0 to 31% of their time on reading, 37 to 68% on choosing, 14 to 50% on encoding, and 1% on checking.
_CHOOSING_START, _ENCODING_START, _CHECKING_START, _END = 0.15, 0.7, 0.98, 1.0
_CHOOSING_HALF_TIME_S = 5.0
"""The time after which half of the choosing step is reported as done."""
_TRY_SHARE = 0.8
"""The share of the remaining fraction that one rendering takes: more of them may follow."""


@dataclass
class Conversion:
    """One conversion: call `load_frames`, `build_ladder`, `render` and `validate` within `cleanup`.

    Each step reports its progress to `tracker` and raises what that raises.
    """

    source: Path
    options: ConversionOptions
    work_dir: Path
    threads: int
    tracker: ProgressTracker
    _complete_gifs: dict[RenderSettings, Path] = field(default_factory=dict, init=False)
    """GIFs with all frames that `build_ladder` has rendered."""

    @contextmanager
    def cleanup(self, *partial_paths: Path) -> Iterator[None]:
        """Create `work_dir`; finally remove it and `partial_paths`. Raises EncodeError instead of OSError."""
        try:
            shutil.rmtree(self.work_dir, ignore_errors=True)  # a killed conversion leaves incomplete files
            self.work_dir.mkdir(parents=True)
            yield
        except OSError as error:
            raise to_encode_error(error) from error
        finally:
            for path in partial_paths:
                path.unlink(missing_ok=True)
            shutil.rmtree(self.work_dir, ignore_errors=True)

    def load_frames(self, frame_cache_path: Path | None) -> FrameStore:
        """Take the frames from the cache, or extract them and add them to the cache."""
        frames_path = self.work_dir / FRAMES_FILENAME
        with self.tracker.measure_duration("reading"):
            if not (frame_cache_path and _try_link(frame_cache_path, frames_path)):
                self._extract_frames()
                if frame_cache_path:
                    _try_link(frames_path, frame_cache_path)
            thumbnails = read_thumbnails(
                frames_path,
                self.work_dir,
                limits=self._limits,
                on_tick=partial(self.tracker.report, "reading", _CHOOSING_START, READING),
            )
        size_px = (self.options.width_px, self.options.height_px)
        return FrameStore(frames_path, len(thumbnails.frames), size_px, thumbnails, self.work_dir)

    def build_ladder(self, store: FrameStore, stills_dir: Path | None = None) -> Ladder:
        """Measure the frames and return the encoding ladder.

        `stills_dir`, if given, gets a frame as each quality renders it, named after the quality.
        """
        report = partial(self._report_choosing, time.monotonic())
        with self.tracker.measure_duration("choosing"):
            report()
            sampler = Sampler(store, self._limits, threads=self.threads, on_tick=report)
            ladder = build_ladder(sampler, self.options)
            self._complete_gifs = sampler.complete_gifs
            if stills_dir:
                self._write_stills(sampler, ladder, stills_dir)
            return ladder

    def render(self, store: FrameStore, ladder: Ladder, gif_path: Path) -> FittedGif:
        """Write the best GIF that fits the options to `gif_path`."""
        with self.tracker.measure_duration("encoding"):
            start = ladder.start_index(self.options)
            budget_bytes = ladder.budget_bytes(self.options)
            return fit_to_budget(
                ladder,
                start,
                budget_bytes,
                gif_path,
                partial(self._render_once, store),
                must_fit=self.options.max_mb is not None,
            )

    def validate(self, store: FrameStore, settings: RenderSettings, gif_path: Path) -> GifInfo:
        """Check the GIF, rendered with these settings, against the output contract."""
        with self.tracker.measure_duration("checking"):
            on_tick = partial(self._report_checking, store.frame_count)
            delays_cs = get_delays_cs(settings.kept_frames(store.frame_count), store.frame_count)
            return validate_gif(gif_path, self.options, delays_cs, on_tick=on_tick)

    def report_publishing(self) -> None:
        """Report that the finished files are being written to disk."""
        self.tracker.report("checking", _END, CHECKING)

    @property
    def _limits(self) -> ProcessLimits:
        return ProcessLimits(max(0.1, self.tracker.remaining_s), MAX_GIF_BYTES)

    def _write_stills(self, sampler: Sampler, ladder: Ladder, stills_dir: Path) -> None:
        by_settings: dict[RenderSettings, list[Path]] = {}
        for quality, rung in ladder.rungs_by_quality().items():
            by_settings.setdefault(rung.settings, []).append(stills_dir / f"{quality}.png")
        sampler.write_stills({paths[0]: settings for settings, paths in by_settings.items()})
        for first, *others in by_settings.values():
            for path in others:
                shutil.copyfile(first, path)

    def _extract_frames(self) -> None:
        info = probe_video(self.source, on_tick=partial(self._report_reading, 0))
        self.options.check_against(info)
        extract_frames(
            self.source,
            info,
            self.options,
            output_dir=self.work_dir,
            threads=self.threads,
            timeout_s=self.tracker.remaining_s,
            on_tick=self._report_reading,
        )

    def _render_once(self, store: FrameStore, settings: RenderSettings, gif_path: Path) -> int:
        """Render the GIF, unless `build_ladder` has done so, and return its bytes."""
        start = max(_ENCODING_START, self.tracker.fraction)
        on_tick = partial(self._report_encoding, start, store.frame_count)
        if complete_gif := self._complete_gifs.pop(settings, None):
            shutil.move(complete_gif, gif_path)
            on_tick(store.frame_count)
        else:
            render_gif(
                store,
                settings,
                gif_path,
                threads=self.threads,
                timeout_s=self.tracker.remaining_s,
                on_tick=on_tick,
            )
        return gif_path.stat().st_size

    def _report_reading(self, frames_done: int) -> None:
        self.tracker.report("reading", frames_done / self.options.frames * _CHOOSING_START, READING)

    def _report_choosing(self, started_at: float) -> None:
        """Approach the end of the step: how many samples it takes is not known before."""
        elapsed_s = time.monotonic() - started_at
        share = elapsed_s / (elapsed_s + _CHOOSING_HALF_TIME_S)
        fraction = _CHOOSING_START + share * (_ENCODING_START - _CHOOSING_START)
        self.tracker.report("choosing", fraction, CHOOSING)

    def _report_encoding(self, start: float, frame_count: int, frames_done: int) -> None:
        length = (_CHECKING_START - start) * _TRY_SHARE
        message = RENDERING if start == _ENCODING_START else SHRINKING
        self.tracker.report("encoding", start + frames_done / frame_count * length, message)

    def _report_checking(self, frame_count: int, frames_done: int) -> None:
        length = _END - _CHECKING_START
        self.tracker.report("checking", _CHECKING_START + frames_done / frame_count * length, CHECKING)


def _try_link(path: Path, new_path: Path) -> bool:
    """Create a hard link, which survives the removal of `path`; return whether that was possible."""
    try:
        os.link(path, new_path)
    except OSError:  # `path` does not exist, or the file system has no hard links: nothing is cached
        return False
    return True

"""Measure render settings on a sample of frames, to predict size and quality of the whole GIF."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chromi.encoder.frames.color_filters import BT709_TO_BGRA
from chromi.encoder.gif.concat import EncodedSegment, read_frames
from chromi.encoder.process.ffmpeg import OUTPUT_FPS, QUIET, run_ffmpeg
from chromi.encoder.process.parallel import TICK_S, Task, run_parallel
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.quality_metrics import measure_false_color, measure_quality
from chromi.encoder.render.render_settings import FrameStore, RenderSettings
from chromi.encoder.render.renderer import render_gif
from chromi.encoder.render.sample_extraction import extract_sample, select_frames
from chromi.encoder.render.sample_frames import SampledFrame, choose_sample
from chromi.encoder.render.segment_renderer import Segment

_REPEATED_FRAME_BYTES = 25
_BYTES_EXPONENT = 0.6
"""A frame with more motion than those that are measured is larger by this power of it. A clip whose last
second is another scene is then off by 1 to 17 percent on six clips, and up to 127 percent without it."""
_SUFFICIENT_RATIO = 1.02
"""Writing every frame in two encodings takes a third longer, which is worth it if it saves two percent."""


@dataclass(frozen=True)
class Measurement:
    """Predicted size and quality of the whole GIF.

    `quality` and `false_color` are as measure_quality and measure_false_color return them.
    `sufficient_encodings` are the encodings of unchanged pixels that alone are about as small as all of them.
    """

    total_bytes: float
    quality: float
    false_color: float = 0.0
    sufficient_encodings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _DrawnFrames:
    """The frames of the sample that a GIF shows, and the store that it is rendered from."""

    store: FrameStore
    frames: Sequence[SampledFrame]

    @property
    def compared_numbers(self) -> list[int]:
        return [number for number, frame in enumerate(self.frames) if frame.is_compared]


class Sampler:
    """Measure render settings on a few runs of consecutive frames of `store`.

    The runs are chosen by their motion: each represents an equal share of the clip. One rendering is compared
    with the source while the next one is made; two renderings at once would take more memory than a small
    machine has. `on_tick` is called ten times a second. All public methods raise TimedOut, EncodeError and
    what `on_tick` raises.
    """

    def __init__(
        self, store: FrameStore, limits: ProcessLimits, *, threads: int, on_tick: Callable[[], None]
    ) -> None:
        self._store, self._limits = store, limits
        self._threads, self._on_tick = threads, on_tick
        self._render_lock = threading.Lock()
        motion = store.thumbnails.motion()
        self.changed_share = _measure_changed_share(store.thumbnails.frames)
        self.frame_count = store.frame_count
        self._moving = [value for value in motion if value]
        self.moving_count = len(self._moving)
        self._chosen = choose_sample(motion)
        self.has_all_frames, frames = self._chosen.has_all, self._chosen.frames
        self._compared_numbers = [number for number, frame in enumerate(frames) if frame.is_compared]
        self._frames_path = store.frames_path if self.has_all_frames else store.work_dir / "sample.nut"
        self._local_palettes, self._one_palette = self._list_drawn(frames)
        self.complete_gifs: dict[RenderSettings, Path] = {}
        """GIFs with all frames of the clip, by their settings, if the sample has all frames."""

    def _list_drawn(self, frames: Sequence[SampledFrame]) -> tuple[_DrawnFrames, _DrawnFrames]:
        """Return the frames drawn with a palette per frame, and those with one palette, which are fewer."""
        drawn = self._chosen.list_drawn(local_palettes=True)
        undrawn = set(range(len(frames))) - set(drawn)
        store = replace(self._store, frames_path=self._frames_path, frame_count=len(frames), undrawn=undrawn)
        local_palettes = _DrawnFrames(store, [frames[number] for number in drawn])
        drawn = self._chosen.list_drawn(local_palettes=False)
        path = self._store.frames_path if self.has_all_frames else self._store.work_dir / "one-palette.nut"
        store = replace(self._store, frames_path=path, frame_count=len(drawn))
        return local_palettes, _DrawnFrames(store, [frames[number] for number in drawn])

    def _drawn_with(self, settings: RenderSettings) -> _DrawnFrames:
        return self._local_palettes if settings.local_palettes else self._one_palette

    def measure(self, settings: Sequence[RenderSettings]) -> list[Measurement]:
        """Render the sample with each of `settings` and return the predicted sizes and qualities."""
        self._prepare([each.colors for each in settings if not each.local_palettes])
        source = self._decode(self._frames_path, self._compared_numbers, BT709_TO_BGRA, self._on_tick)
        measurements: list[Task[Measurement]] = [partial(self._measure, each, source) for each in settings]
        max_parallel = min(2, self._threads)
        return run_parallel(measurements, max_parallel=max_parallel, on_tick=self._on_tick)

    def _prepare(self, color_counts: Sequence[int]) -> None:
        tasks: list[Task[None]] = [partial(self._write_palettes, color_counts)]
        if not self._frames_path.exists():
            tasks.insert(0, partial(self._extract, has_one_palette=bool(color_counts)))
        run_parallel(tasks, max_parallel=self._threads, on_tick=self._on_tick)

    def _measure(
        self, settings: RenderSettings, source: npt.NDArray[np.uint8], check: Callable[[], None]
    ) -> Measurement:
        while not self._render_lock.acquire(timeout=TICK_S):
            check()
        drawn = self._drawn_with(settings)
        try:
            paths = self._render(settings, check)
            rendered = self._decode(paths[0], drawn.compared_numbers, "format=bgra", check)
        finally:
            self._render_lock.release()
        quality, false_color = measure_quality(source, rendered), measure_false_color(source, rendered)
        sizes = [_read_sizes(path, has_local_tables=settings.local_palettes) for path in paths]
        self._remove_incomplete(settings, paths)
        smallest = [min(alternatives) for alternatives in zip(*sizes, strict=True)]
        total_bytes = self._predict_total(drawn.frames, smallest)
        sufficient = self._find_sufficient(settings, sizes, total_bytes)
        return Measurement(total_bytes, quality, false_color, sufficient)

    def write_stills(self, stills: Mapping[Path, RenderSettings]) -> None:
        """Write a frame of the sample as each of the settings renders it, as PNG."""
        for png_path, settings in stills.items():
            self._write_still(png_path, settings)

    def _write_still(self, png_path: Path, settings: RenderSettings) -> None:
        settings = replace(settings, fps=OUTPUT_FPS)
        gif_path, *others = self._render(settings, self._on_tick)
        numbers = self._drawn_with(settings).compared_numbers
        run_ffmpeg(
            [
                *(*QUIET, "-i", str(gif_path), "-vf", f"{select_frames(numbers[:1])},format=rgb24"),
                *("-frames:v", "1", "-update", "1", "-f", "image2", "-c:v", "png", "-y", str(png_path)),
            ],
            limits=self._limits,
            reads=(gif_path,),
            writes=(png_path,),
            on_tick=self._on_tick,
        ).check()
        self._remove_incomplete(settings, [gif_path, *others])

    def _remove_incomplete(self, settings: RenderSettings, paths: Sequence[Path]) -> None:
        """Remove the GIFs, unless they have all frames of the clip."""
        if self.has_all_frames and settings.local_palettes:
            self.complete_gifs[settings] = paths[0]
            return
        for path in paths:
            path.unlink()

    def _extract(self, check: Callable[[], None], *, has_one_palette: bool) -> None:
        """Copy the frames of the sample, and those drawn with one palette, to files of their own."""
        numbers: dict[Path, Sequence[int]] = {self._frames_path: range(len(self._chosen.frames))}
        if has_one_palette:
            numbers[self._one_palette.store.frames_path] = self._chosen.list_drawn(local_palettes=False)
        extract_sample(self._store.frames_path, self._chosen, numbers, limits=self._limits, on_tick=check)

    def _write_palettes(self, color_counts: Sequence[int], check: Callable[[], None]) -> None:
        for colors in color_counts:
            check()
            self._segment(RenderSettings(colors)).write_palette()

    def _segment(self, settings: RenderSettings) -> Segment:
        store = self._one_palette.store
        return Segment(store, settings, self._limits, range(store.frame_count))

    def _render(self, settings: RenderSettings, check: Callable[[], None]) -> Sequence[Path]:
        """Render the sample and return one or more GIFs that show the same images."""
        if complete_gif := self.complete_gifs.get(settings):
            return [complete_gif]
        if not settings.local_palettes:
            segment = self._segment(settings)
            segment.write_palette()
            segment.render(check)
            return segment.encoded.paths
        gif_path = self._store.work_dir / f"sample-{settings.threshold}.gif"
        render_gif(
            self._local_palettes.store,
            settings,
            gif_path,
            threads=self._threads,
            timeout_s=self._limits.timeout_s,
            on_tick=lambda frames_done: check(),
        )
        return [gif_path]

    def _decode(
        self, path: Path, numbers: Sequence[int], filters: str, check: Callable[[], None]
    ) -> npt.NDArray[np.uint8]:
        """Return the frames of a file with these numbers, shape (frames, height, width, 4), bgra."""
        pixels_path = path.with_suffix(".bgra")
        run_ffmpeg(
            [
                *(*QUIET, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-vf"),
                f"{select_frames(numbers)},{filters}",
                *("-f", "rawvideo", "-y", str(pixels_path)),
            ],
            limits=self._limits,
            reads=(path,),
            writes=(pixels_path,),
            on_tick=check,
        ).check()
        width_px, height_px = self._store.size_px
        pixels = np.fromfile(pixels_path, np.uint8).reshape(-1, height_px, width_px, 4)
        pixels_path.unlink()
        return pixels

    def _find_sufficient(
        self, settings: RenderSettings, sizes: Sequence[Sequence[int]], total_bytes: float
    ) -> frozenset[str]:
        max_bytes = _SUFFICIENT_RATIO * total_bytes
        frames = self._drawn_with(settings).frames
        by_encoding = zip(settings.unchanged_pixels, sizes, strict=False)
        return frozenset(
            name for name, values in by_encoding if self._predict_total(frames, values) <= max_bytes
        )

    def _predict_total(self, frames: Sequence[SampledFrame], sizes: Sequence[int]) -> float:
        """Add up the first frame, which is encoded in full, and the other frames.

        A frame's size is interpolated by its motion between those of the measured frames, or extrapolated.
        """
        repeated_count = self.frame_count - 1 - len(self._moving)
        measured = sorted(
            (frame.motion, size) for frame, size in zip(frames, sizes, strict=True) if frame.is_measured
        )
        if not measured:
            return sizes[0] + repeated_count * _REPEATED_FRAME_BYTES
        motion, frame_bytes = np.array(measured).T
        moving = np.array(self._moving)
        growth = np.maximum(1, moving / motion[-1]) ** _BYTES_EXPONENT
        moving_bytes = (np.interp(moving, motion, frame_bytes) * growth).sum()
        return float(sizes[0] + moving_bytes + repeated_count * _REPEATED_FRAME_BYTES)


def _read_sizes(gif_path: Path, *, has_local_tables: bool) -> list[int]:
    frames = read_frames(EncodedSegment([gif_path]))
    return [len(frame.to_bytes(b"")) if has_local_tables else frame.size_bytes for frame in frames]


def _measure_changed_share(frames: Sequence[bytes]) -> float:
    """Return the mean share of pixels, 0 to 1, that differ from the frame before; repeats do not count."""
    pixels = (np.frombuffer(frame, np.uint8).reshape(-1, 3) for frame in frames)
    shares = [float(np.any(before != after, axis=1).mean()) for before, after in pairwise(pixels)]
    moving = [share for share in shares if share]
    return sum(moving) / len(moving) if moving else 0.0

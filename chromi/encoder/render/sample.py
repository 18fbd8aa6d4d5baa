"""Measure render settings on a sample of frames, to predict size and quality of the whole GIF."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from chromi.encoder.gif.concat import EncodedSegment, read_frames
from chromi.encoder.process.ffmpeg import OUTPUT_FPS, QUIET, frames_input, run_ffmpeg
from chromi.encoder.process.parallel import Task, run_parallel
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.palette import measure_color_error
from chromi.encoder.render.quality_metrics import Comparison, QualityScores
from chromi.encoder.render.renderer import FrameStore, RenderSettings, Segment

MAX_PAIRS = 4
_FRAMES_PER_PAIR = 6
"""A clip with fewer than 20 moving frames gets fewer pairs: measuring must not take longer than rendering."""
_REPEATED_FRAME_BYTES = 25
_SUFFICIENT_RATIO = 1.02
"""Writing every frame in two encodings takes a third longer, which is worth it if it saves two percent."""


@dataclass(frozen=True)
class Measurement:
    """Predicted size and quality of the whole GIF.

    `sufficient_encodings` are the encodings of unchanged pixels that alone are about as small as all of them.
    """

    settings: RenderSettings
    total_bytes: float
    sufficient_encodings: frozenset[str]
    scores: QualityScores


class Sampler:
    """Measure render settings on pairs of adjacent frames of `store`.

    The second frame of each pair represents an equal share of the moving frames, those that differ from the
    frame before. Measurements run in parallel on `threads`; `on_tick` is called ten times a second. All
    public methods raise TimedOut, EncodeError and what `on_tick` raises.
    """

    def __init__(
        self, store: FrameStore, limits: ProcessLimits, *, threads: int, on_tick: Callable[[], None]
    ) -> None:
        self._store, self._limits = store, limits
        self._threads, self._on_tick = threads, on_tick
        moving = _sort_moving_frames(store)
        self.frame_count = store.frame_count
        self.moving_count = len(moving)
        self._pair_starts = _choose_pairs(moving)
        count = 2 * len(self._pair_starts) if store.frame_count > 1 else 1
        self._sample = replace(store, frames_path=store.work_dir / "sample.nut", frame_count=count)

    def prepare(self, settings: Sequence[RenderSettings]) -> None:
        """Extract the sampled frames and write the palettes of `settings`."""
        self._run([self._extract, partial(self._write_palettes, settings)])

    def measure_all(
        self, settings: Sequence[RenderSettings], *, size_only: Sequence[RenderSettings] = ()
    ) -> tuple[list[Measurement], list[float]]:
        """Return a measurement for each of `settings`, and the predicted bytes for each of `size_only`."""
        tasks: list[Task[Measurement | float]] = [
            *(partial(self._measure_size, item) for item in size_only),
            *(partial(self._measure, item) for item in settings),
        ]
        results = run_parallel(tasks, max_parallel=self._threads, on_tick=self._on_tick)
        measurements = [result for result in results if isinstance(result, Measurement)]
        return measurements, [result for result in results if isinstance(result, float)]

    def _run(self, tasks: Sequence[Task[None]]) -> None:
        run_parallel(tasks, max_parallel=self._threads, on_tick=self._on_tick)

    def _extract(self, check: Callable[[], None]) -> None:
        run_ffmpeg(
            [*QUIET, *self._extract_arguments()],
            limits=self._limits,
            reads=(self._store.frames_path,),
            writes=(self._sample.frames_path,),
            on_tick=check,
        ).check()

    def _extract_arguments(self) -> list[str]:
        inputs: list[str] = []
        for start in self._pair_starts:
            inputs += frames_input(self._store.frames_path, start)
        count = len(self._pair_starts)
        trim = f"trim=end_frame=2,setpts=N/TB/{OUTPUT_FPS}"
        trims = ";".join(f"[{number}:v]{trim}[{number}]" for number in range(count))
        labels = "".join(f"[{number}]" for number in range(count))
        return [
            *(*inputs, "-filter_complex_threads", "1"),
            *("-filter_complex", f"{trims};{labels}concat=n={count}[all]", "-map", "[all]"),
            *("-c:v", "utvideo", "-fps_mode", "passthrough", "-f", "nut"),
            *("-y", str(self._sample.frames_path)),
        ]

    def _write_palettes(self, settings: Sequence[RenderSettings], check: Callable[[], None]) -> None:
        for item in settings:
            check()
            self._segment(item).write_palette()

    def _measure(self, settings: RenderSettings, check: Callable[[], None]) -> Measurement:
        """Measure size and quality; only the second frame of each pair is compared."""
        frame_filter = "mod(n,2)" if self._sample.frame_count > 1 else "1"
        segment = self._segment(settings)
        comparison = Comparison(self._sample.work_dir / f"{segment.name}.json", frame_filter)
        sizes = self._render_sizes(replace(segment, comparison=comparison), check)
        total_bytes = self._predict_smallest(sizes)
        encodings = self._find_sufficient(sizes, total_bytes)
        color_error = measure_color_error(self._sample.thumbnails, segment.palette_path)
        return Measurement(settings, total_bytes, encodings, comparison.scores(color_error))

    def _measure_size(self, settings: RenderSettings, check: Callable[[], None]) -> float:
        segment = self._segment(settings)
        segment.write_palette()
        return self._predict_smallest(self._render_sizes(segment, check))

    def _segment(self, settings: RenderSettings) -> Segment:
        return Segment(self._sample, settings, self._limits, range(self._sample.frame_count))

    def _render_sizes(self, segment: Segment, check: Callable[[], None]) -> dict[str, list[int]]:
        """Return the bytes of each sampled frame, by encoding of unchanged pixels."""
        segment.render(check)
        files = zip(segment.settings.unchanged_pixels, segment.encoded.paths, strict=True)
        sizes = {
            encoding: [frame.size_bytes for frame in read_frames(EncodedSegment([path]))]
            for encoding, path in files
        }
        segment.discard()
        return sizes

    def _find_sufficient(self, sizes: dict[str, list[int]], total_bytes: float) -> frozenset[str]:
        max_bytes = _SUFFICIENT_RATIO * total_bytes
        return frozenset(encoding for encoding in sizes if self._predict_total(sizes[encoding]) <= max_bytes)

    def _predict_smallest(self, sizes: dict[str, list[int]]) -> float:
        return self._predict_total([min(alternatives) for alternatives in zip(*sizes.values(), strict=True)])

    def _predict_total(self, sizes: Sequence[int]) -> float:
        """Extrapolate from the first frame, which is encoded in full, and the second frame of each pair."""
        moving_sizes = sizes[1::2] or [0]
        repeated_count = self.frame_count - 1 - self.moving_count
        mean_bytes = sum(moving_sizes) / len(moving_sizes)
        return sizes[0] + self.moving_count * mean_bytes + repeated_count * _REPEATED_FRAME_BYTES


def _sort_moving_frames(store: FrameStore) -> list[int]:
    """Return the numbers of the frames that differ from the one before, sorted by their motion.

    Repeated frames take almost no bytes and are not sampled. A 20 fps clip has 24 of them in six seconds.
    """
    motion = store.thumbnails.motion()
    moving = (number for number in range(1, store.frame_count) if motion[number])
    return sorted(moving, key=motion.__getitem__)


def _choose_pairs(moving: Sequence[int]) -> list[int]:
    """Return the first frame of each pair: the middle frame of each of several equal parts of `moving`."""
    count = min(MAX_PAIRS, -(-len(moving) // _FRAMES_PER_PAIR))
    return [moving[(2 * part + 1) * len(moving) // (2 * count)] - 1 for part in range(count)] or [0]

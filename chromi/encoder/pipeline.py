"""Conversion of a clip into a GIF, and the estimate of its size."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chromi.encoder.frames.poster import Poster
from chromi.encoder.gif.validate import GifInfo, publish
from chromi.encoder.options import FEW_COLORS, ConversionOptions, Quality
from chromi.encoder.process.ffmpeg import OUTPUT_FPS
from chromi.encoder.progress import Progress, ProgressTracker

if TYPE_CHECKING:
    from chromi.encoder.conversion_steps import Conversion
    from chromi.encoder.render.ladder import Ladder
    from chromi.encoder.render.rate_control import FittedGif

CONVERT_TIMEOUT_S = 300.0

VISIBLE_LOSS_DB = 3.0
"""The loss of quality, as `Measurement` defines it, that is seen at a glance: 12 to 18 SSIMULACRA2 points."""


@dataclass(frozen=True)
class ConversionResult:
    """The properties of the GIF and of its conversion.

    `seconds` is the duration of each step. `drawing` holds the RenderSettings of the GIF, `tries` is the
    number of renderings, and `estimates` holds the expected bytes for each quality.
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

    @property
    def reduced_fps(self) -> int | None:
        """The frames per second if they are fewer than usual, else None."""
        return _reduced_fps(self.drawing.get("fps", OUTPUT_FPS))

    @property
    def reduced_colors(self) -> int | None:
        """The number of opaque colors if footage may lose its colors by it, else None."""
        return _reduced_colors(self.drawing.get("colors", FEW_COLORS))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, serializable as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ConversionResult":
        """Return the result that `to_dict` serialized."""
        return cls(**values)


@dataclass(frozen=True)
class SizeEstimate:
    """The expected GIF at one quality.

    `reduced_fps` and `reduced_colors` are those of ConversionResult. `is_lossy` is true if visibly more
    detail is lost than at the best quality.
    """

    bytes: int
    reduced_fps: int | None = None
    reduced_colors: int | None = None
    is_lossy: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, serializable as JSON."""
        return asdict(self)


def _reduced_fps(fps: int) -> int | None:
    return fps if fps < OUTPUT_FPS else None


def _reduced_colors(colors: int) -> int | None:
    """`colors` includes the transparent one."""
    return colors - 1 if colors < FEW_COLORS else None


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
    """Convert the window of `source` into a GIF at `destination`, which appears there complete and validated.

    `poster` (.png, .jpg) gets the first frame once the GIF is complete. `work_dir` is created, holds at most
    twice `max_frames_bytes`, and is removed. `frame_cache_path`, on the same file system, receives the
    extracted frames of this clip and `ConversionOptions.frame_cache_key()` for later conversions; if it
    exists, the clip is not read. `threads` is both the number of decoder threads and of segments rendered in
    parallel. Both callbacks are called several times per second.

    Raises NotAVideo, BadOptions (the window is outside the clip), and EncodeError: NoFrames, CannotFit,
    BrokenResult, TimedOut, Cancelled, DiskFull, FfmpegMissing.
    """
    tracker = ProgressTracker(on_progress, should_stop, timeout_s)
    conversion = _create_conversion(source, options, work_dir, threads, tracker)
    partial_path = destination.with_name(f".chromi-{secrets.token_hex(8)}.partial")
    poster_file = Poster(poster)
    with conversion.cleanup(partial_path):
        try:
            store = conversion.load_frames(frame_cache_path)
            poster_file.render(store.frames_path)
            ladder = conversion.build_ladder(store)
            fitted = conversion.render(store, ladder, partial_path)
            info = conversion.validate(store, fitted.settings, partial_path)
            publish(partial_path, destination, on_tick=conversion.report_publishing)
            poster_file.publish(on_tick=conversion.report_publishing)
        finally:
            poster_file.discard()
    return _make_result(info, fitted, ladder, tracker.durations_s)


def _create_conversion(
    source: Path, options: ConversionOptions, work_dir: Path, threads: int, tracker: ProgressTracker
) -> "Conversion":
    # Importing it imports numpy, which the web server does not need: 20 MB and a tenth of a second.
    from chromi.encoder.conversion_steps import Conversion

    return Conversion(source, options, work_dir, threads, tracker)


def _make_result(
    info: GifInfo, fitted: "FittedGif", ladder: "Ladder", durations_s: Mapping[str, float]
) -> ConversionResult:
    return ConversionResult(
        len(info.delays_cs),
        fitted.bytes,
        sum(info.delays_cs),
        *info.size_px,
        seconds=durations_s,
        drawing=fitted.settings.to_dict(),
        tries=fitted.tries,
        estimates={quality: estimate.bytes for quality, estimate in _make_estimates(ladder).items()},
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
    stills_dir: Path | None = None,
    timeout_s: float = CONVERT_TIMEOUT_S,
) -> dict[str, SizeEstimate]:
    """Return the expected GIF at each quality; the bytes are mostly within 15 %.

    `stills_dir`, an existing folder, gets one frame as each quality renders it: `small.png`, `balanced.png`
    and `best.png`. Takes the arguments of `convert` and raises the same errors. A conversion with the same
    `frame_cache_path` reuses the extracted frames.
    """
    tracker = ProgressTracker(on_progress, should_stop, timeout_s)
    conversion = _create_conversion(source, options, work_dir, threads, tracker)
    with conversion.cleanup():
        return _make_estimates(conversion.build_ladder(conversion.load_frames(frame_cache_path), stills_dir))


def _make_estimates(ladder: "Ladder") -> dict[str, SizeEstimate]:
    rungs = ladder.rungs_by_quality()
    lowest_quality = rungs[Quality.BEST].quality - VISIBLE_LOSS_DB
    return {
        str(quality): SizeEstimate(
            round(rung.expected_bytes),
            _reduced_fps(rung.settings.fps),
            _reduced_colors(rung.settings.colors),
            is_lossy=rung.quality < lowest_quality or rung.loses_more_than_measured,
        )
        for quality, rung in rungs.items()
    }

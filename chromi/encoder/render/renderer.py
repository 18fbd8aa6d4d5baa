"""Pass 2: render the extracted frames as a GIF, in segments that are rendered in parallel."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from chromi.encoder.frames.color_filters import BT709_TO_BGRA
from chromi.encoder.frames.thumbnails import Thumbnails
from chromi.encoder.gif import gifsicle
from chromi.encoder.gif.concat import EncodedSegment, concat_segments
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import QUIET, REPORT_FRAMES, FrameCounter, frames_input, run_ffmpeg
from chromi.encoder.process.parallel import run_parallel
from chromi.encoder.process.subprocess_runner import ProcessLimits, ignore_line
from chromi.encoder.render.palette import write_palette
from chromi.encoder.render.quality_metrics import Comparison

MAX_GIF_BYTES = 512 * 1024**2
_MAX_SEGMENT_FRAMES = 72
"""Longer segments are not faster."""
_MAX_LOSSY_FRAMES = 24
"""gifsicle holds a whole segment in memory: 40 MB for this many frames."""
UNCHANGED_PIXELS = TRANSPARENT, OPAQUE = "clear", "opaque"
"""The encodings of pixels that do not change between frames: transparent, or in their own color. Opaque is up
to a fifth smaller for grain, transparent is two thirds smaller for a static background. The values are part
of a result's JSON."""
_LOSSY = "lossy"
_GIF_FLAGS = {TRANSPARENT: "offsetting+transdiff", OPAQUE: "offsetting"}


@dataclass(frozen=True)
class RenderSettings:
    """How the extracted frames are encoded as a GIF.

    `colors` is 2 to 256, including one transparent color. `dither` is an option of ffmpeg's paletteuse.
    `lossy` is gifsicle's option, 0 to 200. `denoise` is hqdn3d's temporal luma strength, 0 for none. `fps` is
    the number of distinct frames per second, 12 to 24. `unchanged_pixels` holds the encodings to try; the
    smallest is used for each frame.
    """

    colors: int = 256
    dither: str = "none"
    lossy: int = 0
    denoise: int = 0
    fps: int = ConversionOptions.fps
    unchanged_pixels: tuple[str, ...] = UNCHANGED_PIXELS

    @property
    def filters(self) -> str:
        """The filters that a segment's frames pass before paletteuse; they return bgra."""
        chain = [f"settb=1/{ConversionOptions.fps},setpts=N"]
        if self.denoise:
            chain.append(f"hqdn3d={self.denoise / 2}:{self.denoise / 2}:{self.denoise}:{self.denoise}")
        if self.fps < ConversionOptions.fps:  # duplicates the last frame until the second is full
            chain.append(
                f"fps={self.fps}:round=down,fps={ConversionOptions.fps}:round=down,tpad=stop=2:stop_mode=clone"
            )
        return ",".join([*chain, BT709_TO_BGRA])

    @property
    def can_overlap(self) -> bool:
        """True if adjacent segments render a frame that both contain identically."""
        return not (self.denoise or self.fps < ConversionOptions.fps)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by the names used in JSON."""
        values = asdict(self)
        values["kinds"] = values.pop("unchanged_pixels")
        return values


@dataclass(frozen=True)
class FrameStore:
    """The frames to render: `frame_count` frames in a NUT file, and their thumbnails.

    `work_dir` is for intermediate files. Palettes stay there and are reused by later renderings.
    """

    frames_path: Path
    frame_count: int
    thumbnails: Thumbnails
    work_dir: Path


def render_gif(
    store: FrameStore,
    settings: RenderSettings,
    gif_path: Path,
    *,
    threads: int,
    timeout_s: float,
    on_tick: Callable[[int], None],
) -> None:
    """Write the GIF to `gif_path`; `on_tick` gets the number of frames done.

    Raises TimedOut and EncodeError.
    """
    ranges = _split_frames(store.frame_count, settings, threads)
    limits = ProcessLimits(timeout_s, MAX_GIF_BYTES // len(ranges))
    segments = [Segment(store, settings, limits, frames) for frames in ranges]
    segments[0].write_palette()
    run_parallel(
        [segment.render for segment in segments],
        max_parallel=threads,
        on_tick=lambda: on_tick(sum(segment.frames_done for segment in segments)),
    )
    concat_segments([segment.encoded for segment in segments], gif_path, fps=ConversionOptions.fps)
    for segment in segments:
        segment.discard()


def _split_frames(frame_count: int, settings: RenderSettings, threads: int) -> list[range]:
    """Split the frames into segments of about equal length, so that all threads finish together."""
    max_frames = _MAX_LOSSY_FRAMES if settings.lossy else _MAX_SEGMENT_FRAMES
    segment_count = threads * ceil(frame_count / (threads * max_frames))
    length = ceil(frame_count / segment_count)
    return [range(start, min(start + length, frame_count)) for start in range(0, frame_count, length)]


@dataclass
class Segment:
    """Consecutive frames of a store. `frames_done` is the number of them that are rendered.

    With `comparison`, the rendered frames are compared with those of the store.
    """

    store: FrameStore
    settings: RenderSettings
    limits: ProcessLimits
    frames: range
    comparison: Comparison | None = None
    frames_done: int = 0

    @property
    def name(self) -> str:
        """The stem of the names of its files."""
        return f"{self.settings.colors}-{self.settings.dither}-{self.frames.start}".replace(":", "-")

    @property
    def encoded(self) -> EncodedSegment:
        """The files that `render` writes."""
        encodings = (_LOSSY,) if self.settings.lossy else self.settings.unchanged_pixels
        return EncodedSegment([self._path(encoding) for encoding in encodings], self._lead_frames)

    @property
    def palette_path(self) -> Path:
        """The file that `write_palette` writes."""
        return self.store.work_dir / f"palette-{self.settings.colors}.png"

    @property
    def _ffmpeg_encodings(self) -> tuple[str, ...]:
        return (TRANSPARENT,) if self.settings.lossy else self.settings.unchanged_pixels

    @property
    def _lead_frames(self) -> int:
        """The number of frames before the first one, which then need not be encoded in full."""
        return 1 if self.settings.can_overlap and self.frames.start else 0

    def _path(self, encoding: str) -> Path:
        return self.store.work_dir / f"{self.name}.{encoding}.gif"

    def write_palette(self) -> None:
        """Write the palette unless it exists."""
        if not self.palette_path.exists():
            write_palette(self.store.thumbnails, self.settings.colors, self.palette_path)

    def render(self, check: Callable[[], None]) -> None:
        """Write `encoded` with the existing palette; `check` is called ten times a second.

        Raises TimedOut and EncodeError.
        """
        self._run_ffmpeg(check)
        if self.settings.lossy:
            source, destination = self._path(TRANSPARENT), self._path(_LOSSY)
            lossy, limits = self.settings.lossy, self.limits
            gifsicle.compress_lossy(source, destination, lossy=lossy, limits=limits, on_tick=check)
            source.unlink()
        self.frames_done = len(self.frames)

    def discard(self) -> None:
        """Remove the files that `render` wrote."""
        for path in self.encoded.paths:
            path.unlink()

    def _run_ffmpeg(self, check: Callable[[], None]) -> None:
        counter = FrameCounter()
        comparison_files = self.comparison.files if self.comparison else ()
        run_ffmpeg(
            self._arguments(),
            limits=self.limits,
            reads=(self.store.frames_path, self.palette_path),
            writes=(*map(self._path, self._ffmpeg_encodings), *comparison_files),
            on_output=counter.read,
            on_log=self.comparison.read if self.comparison else ignore_line,
            on_tick=partial(self._update_progress, counter, check),
        ).check()

    def _update_progress(self, counter: FrameCounter, check: Callable[[], None]) -> None:
        check()
        frames = max(0, counter.frames - self._lead_frames)
        self.frames_done = frames // 2 if self.settings.lossy else frames

    def _arguments(self) -> list[str]:
        return [
            *(Comparison.LOG if self.comparison else QUIET),
            *frames_input(self.store.frames_path, self.frames.start - self._lead_frames),
            *("-f", "png_pipe", "-i", str(self.palette_path), "-filter_complex_threads", "1"),
            *("-filter_complex", self._filtergraph()),
            *(word for encoding in self._ffmpeg_encodings for word in self._output(encoding)),
            *(Comparison.OUTPUTS if self.comparison else ()),
        ]

    def _output(self, encoding: str) -> list[str]:
        frame_count = len(self.frames) + self._lead_frames
        return [
            *("-map", f"[{encoding}]", "-map_metadata", "-1"),
            *("-fps_mode", "passthrough", "-frames:v", str(frame_count)),
            *(REPORT_FRAMES if encoding == self._ffmpeg_encodings[0] else ()),
            *("-gifflags", _GIF_FLAGS[encoding], "-f", "gif", "-y", str(self._path(encoding))),
        ]

    def _filtergraph(self) -> str:
        quantize = f"{self.settings.filters}[rgb];[rgb][1:v]paletteuse=dither={self.settings.dither}"
        outputs = "".join(f"[{encoding}]" for encoding in self._ffmpeg_encodings)
        if not self.comparison:
            return f"[0:v]{quantize},split={len(self._ffmpeg_encodings)}{outputs}"
        split = f"split={len(self._ffmpeg_encodings) + 1}{outputs}[rendered]"
        compare = self.comparison.filtergraph("rendered", "source")
        return f"[0:v]split[frames][source];[frames]{quantize},{split};{compare}"

"""Pass 2: draw the kept frames in few colors, in parts of which several are drawn side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from chromi.encoder.frames.color import BT709_TO_BGRA
from chromi.encoder.frames.thumbnails import Thumbnails
from chromi.encoder.gif import concat, gifsicle
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.ffmpeg import QUIET, REPORT_FRAMES, FrameCounter, frames_input, run_ffmpeg
from chromi.encoder.process.parallel import run_parallel
from chromi.encoder.process.subprocess_runner import ProcessLimits, ignore_line
from chromi.encoder.render.palette import write_palette
from chromi.encoder.render.quality_metrics import Comparison

MAX_GIF_BYTES = 512 * 1024**2
_MAX_PART_FRAMES = 72
"""More would not be drawn sooner."""
_MAX_LOSSY_FRAMES = 24
"""gifsicle holds a part in memory: so many frames take 40 MB."""
KINDS = CLEAR, OPAQUE = "clear", "opaque"
"""How pixels that stay the same are written: transparent, or as they are. Grain is smaller opaque, by up to a
fifth; still ground is smaller clear, by two thirds."""
_LOSSY = "lossy"
_FLAGS = {CLEAR: "offsetting+transdiff", OPAQUE: "offsetting"}


@dataclass(frozen=True)
class RenderSettings:
    """How the kept frames become a GIF.

    `colors` 2 to 256, one of them transparent. `dither` is paletteuse's. `lossy` is gifsicle's, 0 to 200.
    `denoise` is hqdn3d's luma strength over time, 0 for none. `fps` is how many different pictures a second
    shows, 12 to 24. `kinds` is how pixels that stay the same are written; of several the smallest is taken.
    """

    colors: int = 256
    dither: str = "none"
    lossy: int = 0
    denoise: int = 0
    fps: int = ConversionOptions.fps
    kinds: tuple[str, ...] = KINDS

    @property
    def filters(self) -> str:
        """What happens to the frames of a part, in bgra, before they get their colors."""
        chain = [f"settb=1/{ConversionOptions.fps},setpts=N"]
        if self.denoise:
            chain.append(f"hqdn3d={self.denoise / 2}:{self.denoise / 2}:{self.denoise}:{self.denoise}")
        if self.fps < ConversionOptions.fps:  # the rest of the second shows the last picture again
            chain.append(
                f"fps={self.fps}:round=down,fps={ConversionOptions.fps}:round=down,tpad=stop=2:stop_mode=clone"
            )
        return ",".join([*chain, BT709_TO_BGRA])

    @property
    def is_seamless(self) -> bool:
        """True if a part can go on where the one before it ended: both draw the frame between them alike."""
        return not (self.denoise or self.fps < ConversionOptions.fps)


@dataclass(frozen=True)
class FrameStore:
    """What is drawn: `count` frames in a NUT file; the strip that their colors are chosen from.

    `work_dir` is for what is made on the way: the palettes stay there, for the next drawing.
    """

    frames_path: Path
    count: int
    strip: Thumbnails
    work_dir: Path


def draw(
    film: FrameStore,
    drawing: RenderSettings,
    gif_path: Path,
    *,
    threads: int,
    timeout_s: float,
    on_tick: Callable[[int], None],
) -> None:
    """Write the GIF to `gif_path`; `on_tick` gets the frames done so far. Raises TimedOut and EncodeError."""
    cuts = _cut(film.count, drawing, threads)
    limits = ProcessLimits(timeout_s, MAX_GIF_BYTES // len(cuts))
    parts = [Part(film, drawing, limits, frames) for frames in cuts]
    parts[0].write_palette()
    run_parallel(
        [part.draw for part in parts],
        at_once=threads,
        on_tick=lambda: on_tick(sum(part.done for part in parts)),
    )
    concat.join_parts([part.result for part in parts], gif_path, fps=ConversionOptions.fps)
    for part in parts:
        part.discard()


def _cut(count: int, drawing: RenderSettings, threads: int) -> list[range]:
    """Cut so many frames into parts of about the same length, so that all threads end together."""
    most = _MAX_LOSSY_FRAMES if drawing.lossy else _MAX_PART_FRAMES
    parts = threads * ceil(count / (threads * most))
    length = ceil(count / parts)
    return [range(start, min(start + length, count)) for start in range(0, count, length)]


@dataclass
class Part:
    """Some frames of a film that follow one another; `done` says how many of them are drawn.

    With `looks`, those of the drawn frames that they select are compared with the film's.
    """

    film: FrameStore
    drawing: RenderSettings
    limits: ProcessLimits
    frames: range
    looks: Comparison | None = None
    done: int = 0

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.drawing.colors}-{self.drawing.dither}-{self.frames.start}".replace(":", "-")

    @property
    def result(self) -> concat.Part:
        """What `draw` makes."""
        kinds = (_LOSSY,) if self.drawing.lossy else self.drawing.kinds
        return concat.Part([self._path(kind) for kind in kinds], skip=self._lead)

    @property
    def _kinds(self) -> tuple[str, ...]:
        """What ffmpeg writes."""
        return (CLEAR,) if self.drawing.lossy else self.drawing.kinds

    def _path(self, kind: str) -> Path:
        return self.film.work_dir / f"{self.name}.{kind}.gif"

    @property
    def palette_path(self) -> Path:
        """Where `write_palette` writes."""
        return self.film.work_dir / f"palette-{self.drawing.colors}.png"

    @property
    def _lead(self) -> int:
        """Frames drawn before the part's own, so that its first one need not be a whole picture."""
        return 1 if self.drawing.is_seamless and self.frames.start else 0

    def write_palette(self) -> None:
        """Write the palette, unless another drawing has."""
        if not self.palette_path.exists():
            write_palette(self.film.strip, self.drawing.colors, self.palette_path)

    def draw(self, check: Callable[[], None]) -> None:
        """Write `result`, with the palette that is there; `check` is called ten times a second.

        Raises TimedOut and EncodeError.
        """
        self._use_palette(check)
        if self.drawing.lossy:
            clear, lossy = self._path(CLEAR), self._path(_LOSSY)
            gifsicle.lose(clear, lossy, lossy=self.drawing.lossy, limits=self.limits, on_tick=check)
            clear.unlink()
        self.done = len(self.frames)

    def discard(self) -> None:
        """Remove what `draw` has made."""
        for path in self.result.paths:
            path.unlink()

    def _use_palette(self, check: Callable[[], None]) -> None:
        """Have ffmpeg draw the part."""
        first, count = self.frames.start - self._lead, len(self.frames) + self._lead
        counter = FrameCounter()

        def tick() -> None:
            check()
            done = max(0, counter.frames - self._lead)
            self.done = done // 2 if self.drawing.lossy else done

        def to_gif(kind: str) -> list[str]:
            bounds = ("-map_metadata", "-1", "-fps_mode", "passthrough", "-frames:v", str(count))
            report = REPORT_FRAMES if kind == self._kinds[0] else ()
            flags = ("-gifflags", _FLAGS[kind])
            return ["-map", f"[{kind}]", *bounds, *report, *flags, "-f", "gif", "-y", str(self._path(kind))]

        run_ffmpeg(
            [
                *(QUIET if self.looks is None else Comparison.LOG),
                *frames_input(self.film.frames_path, first),
                *("-f", "png_pipe", "-i", str(self.palette_path), "-filter_complex_threads", "1"),
                *("-filter_complex", self._graph),
                *(word for kind in self._kinds for word in to_gif(kind)),
                *(Comparison.OUTPUTS if self.looks else ()),
            ],
            limits=self.limits,
            reads=(self.film.frames_path, self.palette_path),
            writes=(*map(self._path, self._kinds), *(self.looks.files if self.looks else ())),
            on_output=counter.read,
            on_log=self.looks.read if self.looks else ignore_line,
            on_tick=tick,
        ).check()

    @property
    def _graph(self) -> str:
        use = f"{self.drawing.filters}[rgb];[rgb][1:v]paletteuse=dither={self.drawing.dither}"
        kinds = "".join(f"[{kind}]" for kind in self._kinds)
        if self.looks is None:
            return f"[0:v]{use},split={len(self._kinds)}{kinds}"
        compare = self.looks.graph("drawn", "kept")
        drawn = f"{use},split={len(self._kinds) + 1}{kinds}[drawn]"
        return f"[0:v]split[frames][kept];[frames]{drawn};{compare}"

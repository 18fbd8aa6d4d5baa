"""Render frames with one palette as a GIF, in segments that are rendered in parallel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image

from chromi.encoder.gif import gifsicle
from chromi.encoder.gif.concat import EncodedSegment
from chromi.encoder.process.ffmpeg import QUIET, REPORT_FRAMES, FrameCounter, frames_input, run_ffmpeg
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.palette import choose_palette, to_entries
from chromi.encoder.render.render_settings import OPAQUE, TRANSPARENT, FrameStore, RenderSettings

_MAX_SEGMENT_FRAMES = 72
"""Longer segments are not faster."""
_MAX_LOSSY_FRAMES = 24
"""gifsicle holds a whole segment in memory: 40 MB for this many frames."""
_LOSSY = "lossy"
_GIF_FLAGS = {TRANSPARENT: "offsetting+transdiff", OPAQUE: "offsetting"}


@dataclass
class Segment:
    """Consecutive shown frames of a store, by number. `frames_done` is the number of them that are rendered.

    The first `lead_frames` of them only provide the background for later frames and are left out of the GIF.
    """

    store: FrameStore
    settings: RenderSettings
    limits: ProcessLimits
    frames: Sequence[int]
    lead_frames: int = 0
    frames_done: int = 0

    @property
    def encoded(self) -> EncodedSegment:
        """The files that `render` writes."""
        encodings = (_LOSSY,) if self.settings.lossy else self.settings.unchanged_pixels
        return EncodedSegment([self._path(encoding) for encoding in encodings], self.lead_frames)

    @property
    def _ffmpeg_encodings(self) -> tuple[str, ...]:
        return (TRANSPARENT,) if self.settings.lossy else self.settings.unchanged_pixels

    @property
    def _palette_path(self) -> Path:
        return self.store.work_dir / f"palette-{self.settings.colors}.png"

    def _path(self, encoding: str) -> Path:
        first = self.frames[self.lead_frames]
        return self.store.work_dir / f"{self.settings.colors}-{first}.{encoding}.gif"

    def write_palette(self) -> None:
        """Write the palette, a PNG of 16x16 pixels, unless it exists."""
        if self._palette_path.exists():
            return
        pixels = np.asarray(self.store.thumbnails.samples).reshape(-1, 3)
        palette = to_entries(choose_palette(pixels, self.settings.colors - 1))
        Image.frombytes("RGBA", (16, 16), palette.tobytes(), "raw", "BGRA").save(self._palette_path, "PNG")

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
        self.frames_done = len(self.frames) - self.lead_frames

    def _run_ffmpeg(self, check: Callable[[], None]) -> None:
        counter = FrameCounter()
        run_ffmpeg(
            self._arguments(),
            limits=self.limits,
            reads=(self.store.frames_path, self._palette_path),
            writes=tuple(map(self._path, self._ffmpeg_encodings)),
            on_output=counter.read,
            on_tick=partial(self._update_progress, counter, check),
        ).check()

    def _update_progress(self, counter: FrameCounter, check: Callable[[], None]) -> None:
        check()
        frames = max(0, counter.frames - self.lead_frames)
        self.frames_done = frames // 2 if self.settings.lossy else frames

    def _arguments(self) -> list[str]:
        return [
            *(*QUIET, *frames_input(self.store.frames_path, self.frames[0])),
            *("-f", "png_pipe", "-i", str(self._palette_path), "-filter_complex_threads", "1"),
            *("-filter_complex", self._filtergraph()),
            *(word for encoding in self._ffmpeg_encodings for word in self._output(encoding)),
        ]

    def _output(self, encoding: str) -> list[str]:
        return [
            *("-map", f"[{encoding}]", "-map_metadata", "-1"),
            *("-fps_mode", "passthrough", "-frames:v", str(len(self.frames))),
            *(REPORT_FRAMES if encoding == self._ffmpeg_encodings[0] else ()),
            *("-gifflags", _GIF_FLAGS[encoding], "-f", "gif", "-y", str(self._path(encoding))),
        ]

    def _filtergraph(self) -> str:
        filters = self.settings.filters(self.frames[0])
        quantize = f"[0:v:0]{filters}[rgb];[rgb][1:v]paletteuse=dither=none"
        outputs = "".join(f"[{encoding}]" for encoding in self._ffmpeg_encodings)
        return f"{quantize},split={len(self._ffmpeg_encodings)}{outputs}"


def split_frames(
    store: FrameStore, settings: RenderSettings, limits: ProcessLimits, threads: int
) -> list[Segment]:
    """Split the shown frames into segments of about equal length, so that all threads finish together."""
    kept = settings.kept_frames(store.frame_count)
    max_frames = _MAX_LOSSY_FRAMES if settings.lossy else _MAX_SEGMENT_FRAMES
    count = threads * ceil(len(kept) / (threads * max_frames))
    length = ceil(len(kept) / count)
    lead_frames = 0 if settings.denoise else 1  # denoised frames depend on all frames before them
    return [
        Segment(
            store,
            settings,
            limits,
            kept[max(0, start - lead_frames) : start + length],
            min(start, lead_frames),
        )
        for start in range(0, len(kept), length)
    ]

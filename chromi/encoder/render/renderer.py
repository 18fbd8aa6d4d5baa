"""Pass 2: render the extracted frames as a GIF."""

from collections.abc import Callable, Sequence
from pathlib import Path

from chromi.encoder.gif.concat import EncodedSegment, concat_segments, get_delays_cs
from chromi.encoder.process.parallel import run_parallel
from chromi.encoder.process.subprocess_runner import ProcessLimits
from chromi.encoder.render.changed_pixel_renderer import ChangedPixelRenderer
from chromi.encoder.render.render_settings import FrameStore, RenderSettings
from chromi.encoder.render.segment_renderer import Segment, split_frames

MAX_GIF_BYTES = 512 * 1024**2
"""The largest GIF of every quality."""
_MAX_RENDERED_BYTES = 2 * MAX_GIF_BYTES
"""A larger GIF is rendered, so that its size is known. Ten seconds of noise at 1920x1080 take 750 MB."""


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
    limits = ProcessLimits(timeout_s, _MAX_RENDERED_BYTES)
    if settings.local_palettes:
        renderer = ChangedPixelRenderer(store, settings, store.work_dir / "changed.gif", limits)
        renderer.render(on_tick=lambda: on_tick(renderer.frames_done))
        encoded = [EncodedSegment([renderer.gif_path])]
    else:
        segments = split_frames(store, settings, limits, threads)
        _render_segments(segments, threads, on_tick)
        encoded = [segment.encoded for segment in segments]
    kept = [number for number in settings.kept_frames(store.frame_count) if number not in store.undrawn]
    concat_segments(encoded, gif_path, get_delays_cs(kept, store.frame_count))
    for path in (path for segment in encoded for path in segment.paths):
        path.unlink()


def _render_segments(segments: Sequence[Segment], threads: int, on_tick: Callable[[int], None]) -> None:
    segments[0].write_palette()
    run_parallel(
        [segment.render for segment in segments],
        max_parallel=threads,
        on_tick=lambda: on_tick(sum(segment.frames_done for segment in segments)),
    )

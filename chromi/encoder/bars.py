"""Find black bars around a clip's content, so that the studio can offer to crop them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from chromi.encoder.frames.decode_window import WindowDecoder
from chromi.encoder.frames.extract import max_frames_bytes
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.options import ConversionOptions, CropBars
from chromi.encoder.source.probe import probe_video

BARS_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ContentBox:
    """The part of the frame within the bars, in fractions of the frame's width and height."""

    left: float
    top: float
    width: float
    height: float

    def to_dict(self) -> dict[str, float]:
        """Return all fields by name, serializable as JSON."""
        return asdict(self)


def find_bars(
    source: Path,
    options: ConversionOptions,
    *,
    on_tick: Callable[[], None] = lambda: None,
) -> ContentBox | None:
    """Return what a conversion with `crop_bars` would keep, or None if the clip has no certain bars.

    `on_tick` is called ten times a second. Its exceptions end the search. Raises NotAVideo, TimedOut and
    EncodeError.
    """
    info = probe_video(source, on_tick=on_tick)
    options = replace(options, crop_bars=CropBars.AUTO)
    writer = FrameWriter(
        timeout_s=BARS_TIMEOUT_S,
        max_bytes=max_frames_bytes(options),
        on_tick=lambda frames: on_tick(),
    )
    with TemporaryDirectory() as folder:
        content = WindowDecoder(source, info, options, Path(folder), writer).find_content()
    if content is None:
        return None
    width_px, height_px = content.frame_px
    return ContentBox(
        content.x.start / width_px,
        content.y.start / height_px,
        len(content.x) / width_px,
        len(content.y) / height_px,
    )

"""Detect black bars around a clip's content: letterbox, pillarbox or both.

Bars are cropped only if they are certain. Whole rows or columns must be nearly black in every sampled frame,
equally many on both sides, and end at a sharp edge beyond which most pixels are lit most of the time. A dark
scene or a moving light has no such edge. A logo or subtitle ends a bar where few pixels are lit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil
from pathlib import Path

from PIL import Image, ImageChops

from chromi.encoder.encoder_errors import EncodeError, NoFrames
from chromi.encoder.frames.color_filters import correct_tags, flatten_alpha
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.process.ffmpeg import REPORT_FRAMES, untrusted_input
from chromi.encoder.source.seek import decode_all_options
from chromi.encoder.source.video_info import VideoInfo

_SAMPLES_PER_S, _MIN_SAMPLES, _MAX_SAMPLES = 4, 8, 40
_BLOCKS = 64
"""A row or column is measured in this many blocks. A subtitle or logo still stands out from black."""

_MAX_SIDE_PX = 8192
"""Longer sides are not measured. They are scaled to one pixel more, which bounds the memory for samples."""

_MAX_BLACK, _MIN_LIT = 18, 32
"""Levels of the brightest channel. Black is 16 if the file declares the wrong range."""
_MIN_LIT_SHARE = 0.5
_MIN_EDGE_PX, _EDGE_FRACTION = 8, 0.01
"""Scaling and compression soften an edge by this much; compression by up to a transform block."""
_MIN_ROW_BRIGHTNESS = 0.9
"""The minimum brightness of the outermost row, relative to the rows inside. Darker ones are mixed."""
_MIN_AREA, _MIN_WINDOWBOX_AREA = 1 / 4, 1 / 3
"""The minimum share of the frame that content covers, between two bars and within four."""
_MAX_ASYMMETRY_PX, _MAX_ASYMMETRY = 4, 0.125


@dataclass(frozen=True)
class _Side:
    """Which of the frame's rows (or columns) are content, and whether these are lit up to both ends."""

    content: range
    frame_px: int
    is_lit_across: bool

    @property
    def has_bars(self) -> bool:
        return len(self.content) < self.frame_px


@dataclass(frozen=True)
class Content:
    """The part of upright frames that is not covered by bars, in pixels of the file."""

    x: range
    y: range
    frame_px: tuple[int, int]

    @property
    def filter(self) -> str:
        """The filter that crops frames to the content."""
        return f"crop={len(self.x)}:{len(self.y)}:{self.x.start}:{self.y.start}:exact=1"

    def crop_info(self, info: VideoInfo) -> VideoInfo:
        """Return the properties of the cropped clip."""
        width, height = self.frame_px
        return replace(
            info,
            width_px=max(1, round(info.width_px * len(self.x) / width)),
            height_px=max(1, round(info.height_px * len(self.y) / height)),
        )


@dataclass(frozen=True)
class BarSampler:
    """Samples frames of a clip to find its bars. Temporary files are written to `folder`."""

    source: Path
    info: VideoInfo
    folder: Path
    writer: FrameWriter

    def find_content(self, start_s: float, window_s: float, seek_s: float | None) -> Content | None:
        """Return the content within the bars of a window of the clip, or None without certain bars.

        `seek_s` is where reading begins, or None for the beginning of the file. A clip that cannot be read
        has no certain bars. Raises TimedOut and other errors that are not due to the clip.
        """
        count = min(_MAX_SAMPLES, max(_MIN_SAMPLES, ceil(window_s * _SAMPLES_PER_S)))
        # Without eof_action, a clip shorter than half the distance between samples would have none.
        samples = f"fps={count / window_s:.6f}:start_time={start_s:.6f}:eof_action=pass"
        select = [samples, "tpad=stop=-1:stop_mode=clone", f"trim=end_frame={count}"]
        paths = (self.folder / "rows.png", self.folder / "columns.png")
        try:
            self._write_strips(seek_s, select, count, paths)
            rows, columns = (_read_strip(path, count, is_rows=path is paths[0]) for path in paths)
        except EncodeError as error:
            if type(error) not in (EncodeError, NoFrames):
                raise
            return None
        except OSError:
            return None
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        return _choose_content(_find_edges(columns), _find_edges(rows), self.info)

    def _write_strips(
        self, seek_s: float | None, select: Sequence[str], count: int, paths: tuple[Path, Path]
    ) -> None:
        """Write the samples stacked vertically: once with short rows, once with short columns."""
        threads = self.writer.threads
        with self.source.open("rb") as clip:
            self.writer.write(
                [
                    *untrusted_input(
                        clip.fileno(), threads=threads, before=decode_all_options(self.info, seek_s)
                    ),
                    *("-filter_complex_threads", str(threads), "-filter_complex"),
                    self._build_graph(select, count),
                    *("-map", "[rows]", "-frames:v", "1", "-c:v", "png", *REPORT_FRAMES),
                    *("-f", "image2", "-update", "1", "-y", str(paths[0])),
                    *("-map", "[columns]", "-frames:v", "1", "-c:v", "png"),
                    *("-f", "image2", "-update", "1", "-y", str(paths[1])),
                ],
                writes=paths,
                descriptors=(clip.fileno(),),
            )

    def _build_graph(self, select: Sequence[str], count: int) -> str:
        # The matrix does not change what is black, and `scale` does not know every matrix.
        chain = [*correct_tags(self.info), *select, *flatten_alpha(self.info), "setparams=colorspace=bt709"]
        longest, tile = _MAX_SIDE_PX + 1, f"flags=area,format=rgb24,tile=1x{count}"
        return (
            f"[0:{self.info.stream}]{','.join(chain)},split[a][b]"
            f";[a]scale=w='min(iw,{_BLOCKS})':h='min(ih,{longest})':{tile}[rows]"
            f";[b]scale=w='min(iw,{longest})':h='min(ih,{_BLOCKS})':{tile}[columns]"
        )


def _read_strip(path: Path, count: int, *, is_rows: bool) -> list[Image.Image]:
    """Return the brightest channel of each sample, with columns turned into rows."""
    with Image.open(path) as image:
        brightest = reduce(ImageChops.lighter, image.convert("RGB").split())
    height = brightest.height // count
    frames = [brightest.crop((0, n * height, brightest.width, (n + 1) * height)) for n in range(count)]
    return frames if is_rows else [frame.transpose(Image.Transpose.TRANSPOSE) for frame in frames]


def _find_edges(frames: Sequence[Image.Image]) -> _Side:
    """Return the rows between two certain bars, or all rows."""
    width, height = frames[0].size
    box = reduce(ImageChops.lighter, frames).point(_is_above(_MAX_BLACK)).getbbox()
    if box is None:
        return _Side(range(height), height, is_lit_across=False)
    left, top, right, bottom = box
    is_lit_across = (left, right) == (0, width)
    content = [frame.crop((left, top, right, bottom)) for frame in frames]
    lit = _mean_of_rows([frame.point(_is_above(_MIN_LIT)) for frame in content])
    brightness = _mean_of_rows(content)
    before = _skip_soft_edge(lit, brightness, height)
    after = _skip_soft_edge(lit[::-1], brightness[::-1], height)
    if before is None or after is None or not _are_alike(top + before, height - bottom + after):
        return _Side(range(height), height, is_lit_across)
    return _Side(range(top + before, bottom - after), height, is_lit_across)


def _is_above(level: int) -> list[int]:
    """Return the table for `Image.point` that makes pixels above a level white and all others black."""
    return [255 * (value > level) for value in range(256)]


def _mean_of_rows(frames: Sequence[Image.Image]) -> list[float]:
    """Return the mean of each row over all frames, from 0 to 1."""
    means = [frame.resize((1, frame.height), Image.Resampling.BOX).tobytes() for frame in frames]
    return [sum(row) / 255 / len(frames) for row in zip(*means, strict=True)]


def _skip_soft_edge(lit: Sequence[float], brightness: Sequence[float], height: int) -> int | None:
    """Return how many rows belong to the edge of a bar, or None if the edge is not certain."""
    max_px = max(_MIN_EDGE_PX, round(_EDGE_FRACTION * height))
    inside = next((n for n, share in enumerate(lit[:max_px]) if share >= _MIN_LIT_SHARE), None)
    if inside is None:
        return None
    while inside < max_px and brightness[inside] < _MIN_ROW_BRIGHTNESS * max(brightness[inside : inside + 3]):
        inside += 1
    return inside


def _are_alike(before_px: int, after_px: int) -> bool:
    larger_px = max(before_px, after_px)
    return abs(before_px - after_px) <= max(_MAX_ASYMMETRY_PX, _MAX_ASYMMETRY * larger_px)


def _choose_content(columns: _Side, rows: _Side, info: VideoInfo) -> Content | None:
    if max(columns.frame_px, rows.frame_px) > _MAX_SIDE_PX:
        return None
    has_four_bars = columns.has_bars and rows.has_bars
    is_certain = has_four_bars or (
        (columns.has_bars and columns.is_lit_across) or (rows.has_bars and rows.is_lit_across)
    )
    area = len(columns.content) * len(rows.content) / (columns.frame_px * rows.frame_px)
    if not is_certain or area < (_MIN_WINDOWBOX_AREA if has_four_bars else _MIN_AREA):
        return None
    x, y = columns.content, rows.content
    if info.is_yuv and "444" not in info.pixel_format:
        x, y = _round_inward(x), _round_inward(y)
    if not x or not y:
        return None
    return Content(x, y, (columns.frame_px, rows.frame_px))


def _round_inward(side: range) -> range:
    """Return the largest range within `side` that starts and ends at a multiple of two."""
    return range(2 * ceil(side.start / 2), side.stop // 2 * 2)

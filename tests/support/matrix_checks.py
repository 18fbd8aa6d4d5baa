"""Convert the clip of a matrix row and compare the GIF with the expected frames and colors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from chromi.encoder import ConversionOptions, convert
from chromi.encoder.options import Framing, Loop, Quality
from tests.support.matrix_clips import STARTS, color_space_of, frame_times, make_matrix_clip
from tests.support.matrix_colors import PATCHES, Rgb, displayed_color
from tests.support.matrix_layout import BITS, FOCUS, Box, make_layout
from tests.support.matrix_rows import Row

FPS, CROSSFADE_FRAMES = 24, 12
BACKGROUND_COLOR: Rgb = (32, 33, 36)
FRAMES = {"cut": 6, "boomerang": 6, "crossfade": 24}
"""The GIF's frame count: a quarter of a second, or a second for a crossfade, which needs it."""
CHECKED_FRAMES = {"cut": (0, 3, 5), "boomerang": (0, 3, 5), "crossfade": (0, 11, 23)}
"""The GIF's frames that are checked. The fade of a crossfade begins in the middle."""

_TOLERANCE = 10
"""One level of error in an 8-bit lossy clip changes dark channels of BT.2020 by nine levels."""
_HDR_TOLERANCE = 12
"""Chromium's pixels differ this much from its formula in blue (see chromi/encoder/frames/color_lut.py)."""
_TINY_TOLERANCE = 32
"""A block of six pixels has three chroma samples, which its neighbors tint."""
_TIME_STAMP_ERROR_S = {"gif": 0.006, "vp8": 0.001, "vp9": 0.001, "av1": 0.001, "ffv1": 0.001}
"""The rounding error of timestamps in containers that store centiseconds or milliseconds."""


def _clip_frame(loop: str, number: int) -> int:
    """Return which of the extracted frames the GIF's frame shows."""
    match loop:
        case "boomerang":
            return min(number, FRAMES[loop] - number)
        case "crossfade":  # reading begins half a second early, and the fade ends at the window's start
            return CROSSFADE_FRAMES - 1 if number == FRAMES[loop] - 1 else CROSSFADE_FRAMES + number
        case _:
            return number


def make_options(row: Row) -> ConversionOptions:
    """Return the conversion options of a row."""
    width_px, height_px = map(int, row["size"].split("x"))
    return ConversionOptions(
        start_s=STARTS[row["start"]],
        duration_s=FRAMES[row["loop"]] / FPS,
        quality=Quality(row["quality"]),
        framing=Framing(row["framing"]),
        focus=FOCUS,
        width_px=width_px,
        height_px=height_px,
        loop=Loop(row["loop"]),
        speed=float(row["speed"]),
    )


def expected_numbers(row: Row, gif_frame: int) -> list[int]:
    """Return the clip's frames that are on screen in the first half of the GIF's frame."""
    speed = float(row["speed"])
    begin = STARTS[row["start"]]
    if row["loop"] == "crossfade":
        begin = max(0.0, begin - CROSSFADE_FRAMES / FPS * speed)
    error_s = _TIME_STAMP_ERROR_S.get(row["codec"], 0.0005)
    earliest = begin + _clip_frame(row["loop"], gif_frame) / FPS * speed - error_s
    latest = earliest + 0.5 / FPS * speed + 2 * error_s
    times = frame_times(row)
    ends = [*times[1:], times[-1] + 1]
    return [number for number, time in enumerate(times) if time <= latest and ends[number] > earliest]


def expected_colors(row: Row) -> dict[str, Rgb]:
    """Return the displayed color of each patch."""
    space, is_gray = color_space_of(row), row["format"] == "gray"
    colors = {name: displayed_color(color, space, gray=is_gray) for name, color in PATCHES.items()}
    return colors | ({"purple": BACKGROUND_COLOR} if row["format"] == "alpha" else {})


@dataclass(frozen=True)
class GifContent:
    """The content of a GIF. `numbers` and `colors` are those of the CHECKED_FRAMES."""

    size_px: tuple[int, int]
    frames: int
    duration_ms: int
    numbers: Sequence[int]
    colors: Sequence[Mapping[str, Rgb]]


def read_gif(path: Path, row: Row) -> GifContent:
    """Read a row's GIF."""
    boxes = make_layout(row).gif_boxes()
    numbers, colors, duration_ms = [], [], 0
    with Image.open(path) as gif:
        size_px, frames = gif.size, gif.n_frames
        for index in range(frames):
            gif.seek(index)
            duration_ms += gif.info["duration"]
            if index in CHECKED_FRAMES[row["loop"]]:
                image = gif.convert("RGB")
                means = {name: _mean(image, box) for name, box in boxes.items()}
                numbers.append(_read_number(means))
                colors.append({name: means[name] for name in PATCHES})
    return GifContent(size_px, frames, duration_ms, numbers, colors)


def _mean(image: Image.Image, box: Box) -> Rgb:
    left, top, right, bottom = map(round, box)
    mean = image.resize((1, 1), Image.Resampling.BOX, (left, top, max(right, left + 1), max(bottom, top + 1)))
    pixel = mean.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def _read_number(means: Mapping[str | int, Rgb]) -> int:
    threshold = (sum(means["dark"]) + sum(means["white"])) / 2
    return sum(1 << bit for bit in range(BITS) if sum(means[bit]) > threshold)


def check_row(row: Row, folder: Path) -> None:
    """Convert the row's clip and assert that the GIF has the expected size, duration, frames and colors."""
    options = make_options(row)
    gif_path = folder / "out.gif"
    # Use one thread, because other tests run in parallel.
    convert(make_matrix_clip(row, folder), gif_path, options, work_dir=folder / "work", threads=1)
    content = read_gif(gif_path, row)
    assert (content.size_px, content.frames) == ((options.width_px, options.height_px), FRAMES[row["loop"]])
    assert content.duration_ms == 1000 * content.frames // FPS
    for index, number, colors in zip(
        CHECKED_FRAMES[row["loop"]], content.numbers, content.colors, strict=True
    ):
        assert number in expected_numbers(row, index), f"frame {index}"
        wrong = find_wrong_colors(colors, row)
        assert not wrong, f"frame {index}: {wrong}"


def find_wrong_colors(colors: Mapping[str, Rgb], row: Row) -> dict[str, tuple[Rgb, Rgb]]:
    """Return the actual and the expected value of each color outside its tolerance."""
    tolerance = (
        _TINY_TOLERANCE
        if row["aspect"] == "tiny"
        else _HDR_TOLERANCE
        if color_space_of(row).is_hdr
        else _TOLERANCE
    )
    return {
        name: (colors[name], expected)
        for name, expected in expected_colors(row).items()
        if max(abs(a - b) for a, b in zip(colors[name], expected, strict=True)) > tolerance
    }

"""What the GIF of a matrix row must be, and what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from chromi.encoder import ConversionOptions, convert
from chromi.encoder.options import Framing, Loop, Quality
from tests.support.matrix_clips import STARTS, frame_times, make_matrix_clip, space_of
from tests.support.matrix_colors import PATCHES, Rgb, shown_color
from tests.support.matrix_layout import BITS, FOCUS, Box, layout_of
from tests.support.matrix_rows import Row

FPS, FADE_FRAMES = 24, 12
PAPER: Rgb = (32, 33, 36)
FRAMES = {"cut": 12, "boomerang": 12, "crossfade": 24}
"""How many the GIF has: half of the least that a person may ask for, where no second is needed to fade."""
MOMENTS = {"cut": (0, 6, 11), "boomerang": (0, 6, 11), "crossfade": (0, 11, 23)}
"""Frames that are looked at; in a crossfade the fade begins in the middle."""


_TOLERANCE = 10
"""For one level of a lossy clip's 8 bits; dark channels of BT.2020 come out nine levels off by it."""
_HDR_TOLERANCE = 12
"""Chromium's own pixels are that far from its formula: its blue (see chromi/encoder/color_lut.py)."""
_TINY_TOLERANCE = 32
"""A block of six pixels has three of chroma, which its neighbors tint."""
_STAMP_ERROR_S = {"gif": 0.006, "vp8": 0.001, "vp9": 0.001, "av1": 0.001, "ffv1": 0.001}
"""How far the container's whole centiseconds or milliseconds are from the frames' times."""


def _shown(loop: str, number: int) -> int:
    """Return which of the frames that are read the GIF's frame shows."""
    match loop:
        case "boomerang":
            return min(number, FRAMES[loop] - number)
        case "crossfade":  # reading begins half a second early, and the end reaches the window's beginning
            return FADE_FRAMES - 1 if number == FRAMES[loop] - 1 else FADE_FRAMES + number
        case _:
            return number


def recipe_of(row: Row) -> ConversionOptions:
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


def possible_numbers(row: Row, gif_frame: int) -> list[int]:
    """Return the clip's frames that are on screen while the GIF's frame begins, up to half of its length."""
    speed = float(row["speed"])
    begin = STARTS[row["start"]]
    if row["loop"] == "crossfade":
        begin = max(0.0, begin - FADE_FRAMES / FPS * speed)
    error_s = _STAMP_ERROR_S.get(row["codec"], 0.0005)
    earliest = begin + _shown(row["loop"], gif_frame) / FPS * speed - error_s
    latest = earliest + 0.5 / FPS * speed + 2 * error_s
    times = frame_times(row)
    ends = [*times[1:], times[-1] + 1]
    return [number for number, time in enumerate(times) if time <= latest and ends[number] > earliest]


def expected_colors(row: Row) -> dict[str, Rgb]:
    space, is_gray = space_of(row), row["format"] == "gray"
    colors = {name: shown_color(color, space, gray=is_gray) for name, color in PATCHES.items()}
    return colors | ({"purple": PAPER} if row["format"] == "alpha" else {})


@dataclass(frozen=True)
class Seen:
    """What is read from a GIF. `numbers` and `colors` are those of the MOMENTS."""

    size_px: tuple[int, int]
    frames: int
    duration_ms: int
    numbers: Sequence[int]
    colors: Sequence[Mapping[str, Rgb]]


def read_gif(path: Path, row: Row) -> Seen:
    boxes = layout_of(row).gif_boxes()
    numbers, colors, duration_ms = [], [], 0
    with Image.open(path) as gif:
        size_px, frames = gif.size, gif.n_frames
        for index in range(frames):
            gif.seek(index)
            duration_ms += gif.info["duration"]
            if index in MOMENTS[row["loop"]]:
                picture = gif.convert("RGB")
                means = {name: _mean(picture, box) for name, box in boxes.items()}
                numbers.append(_read_number(means))
                colors.append({name: means[name] for name in PATCHES})
    return Seen(size_px, frames, duration_ms, numbers, colors)


def _mean(picture: Image.Image, box: Box) -> Rgb:
    left, top, right, bottom = map(round, box)
    mean = picture.resize(
        (1, 1), Image.Resampling.BOX, (left, top, max(right, left + 1), max(bottom, top + 1))
    )
    pixel = mean.getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def _read_number(means: Mapping[str | int, Rgb]) -> int:
    middle = (sum(means["dark"]) + sum(means["white"])) / 2
    return sum(1 << bit for bit in range(BITS) if sum(means[bit]) > middle)


def check_row(row: Row, folder: Path) -> None:
    """Convert the row's clip as the service does, and compare the GIF with what it must be."""
    options = recipe_of(row)
    gif_path = folder / "out.gif"
    # One thread: it is the other tests that keep the other cores busy.
    convert(make_matrix_clip(row, folder), gif_path, options, work_dir=folder / "work", threads=1)
    seen = read_gif(gif_path, row)
    assert (seen.size_px, seen.frames) == ((options.width_px, options.height_px), FRAMES[row["loop"]])
    assert seen.duration_ms == 1000 * seen.frames // FPS
    for moment, number, colors in zip(MOMENTS[row["loop"]], seen.numbers, seen.colors, strict=True):
        assert number in possible_numbers(row, moment), f"frame {moment}"
        off = colors_off(colors, row)
        assert not off, f"frame {moment}: {off}"


def colors_off(colors: Mapping[str, Rgb], row: Row) -> dict[str, tuple[Rgb, Rgb]]:
    """Return what is seen and what was expected of each color that is further off than is allowed."""
    allowed = (
        _TINY_TOLERANCE if row["shape"] == "tiny" else _HDR_TOLERANCE if space_of(row).is_hdr else _TOLERANCE
    )
    return {
        name: (colors[name], wanted)
        for name, wanted in expected_colors(row).items()
        if max(abs(got - want) for got, want in zip(colors[name], wanted, strict=True)) > allowed
    }

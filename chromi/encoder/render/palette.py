"""Choose the colors: the palette that shows the frames' pixels best, rare ones included."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from chromi.encoder.frames.thumbnails import SAMPLES_WIDTH_PX, Thumbnails

_SLOTS = 256
_SETTLED = 600
"""Pixels of 62,208 that may still change their color when k-means stops: half the time, for 0.05 dB."""
_MAX_ROWS = 389
"""Rows of the samples that the common colors are chosen from: 62,240 pixels. More change nothing."""

_BIN = 8
"""Levels of each channel that are counted as one color."""
_MIN_SAMPLES = 6
"""Samples of a color that are no accident: of six seconds' pixels one in 64 is a sample."""
_FAR = 36
"""Distance from which a color is another one to the eye; see `_distance`."""
_MOST_RARE = 1 / 6
"""Share of a palette that rare colors may take."""

Color = tuple[int, int, int]


def write_palette(strip: Thumbnails, colors: int, palette_path: Path) -> None:
    """Write the palette of `colors` (2 to 256, one of them transparent) for paletteuse, a 16x16 PNG."""
    chosen = [(*color, 255) for color in choose_colors(strip, colors - 1)]
    image = Image.new("RGBA", (16, 16))
    image.putdata([*chosen, *[chosen[-1]] * (_SLOTS - 1 - len(chosen)), (0, 0, 0, 0)])
    image.save(palette_path, "PNG")


def choose_colors(strip: Thumbnails, count: int) -> Sequence[Color]:
    """Return up to `count` (1 to 255) colors that show the samples best.

    The common ones are Pillow's maximum coverage, refined by k-means. A median cut (ffmpeg's palettegen)
    takes a tenth more bytes on fur and half as many again on clean pictures. Rare colors far from all of
    these take the places of as many.
    """
    common = _choose_common(strip, count)
    rare = _choose_rare(strip, common, int(count * _MOST_RARE))
    return [*_choose_common(strip, count - len(rare)), *rare] if rare else common


def _choose_common(strip: Thumbnails, count: int) -> list[Color]:
    samples = strip.samples
    rows = samples.resize((SAMPLES_WIDTH_PX, min(_MAX_ROWS, samples.height)), Image.Resampling.NEAREST)
    quantized = rows.quantize(
        count, method=Image.Quantize.MAXCOVERAGE, kmeans=_SETTLED, dither=Image.Dither.NONE
    )
    table = quantized.getpalette() or []
    return [(table[at], table[at + 1], table[at + 2]) for at in range(0, min(len(table), 3 * count), 3)]


@dataclass(frozen=True)
class _Bin:
    """A color, how many samples have it, and how far the nearest color of the palette is."""

    color: Color
    samples: int
    distance: float


def _choose_rare(strip: Thumbnails, common: Sequence[Color], most: int) -> list[Color]:
    """Return colors that the common ones do not show, those first that are missed most."""
    far = [bin for bin in _count_bins(strip, common) if bin.distance >= _FAR]
    chosen: list[Color] = []
    while far and len(chosen) < most:
        worst = max(far, key=lambda bin: bin.distance * min(bin.samples, 20 * _MIN_SAMPLES))
        alike = [bin for bin in far if _distance(bin.color, worst.color) < _FAR]
        far = [bin for bin in far if _distance(bin.color, worst.color) >= _FAR]
        samples = sum(bin.samples for bin in alike)
        if samples >= _MIN_SAMPLES:
            chosen.append(_mean(alike, samples))
    return chosen


def _mean(bins: Sequence[_Bin], samples: int) -> Color:
    red, green, blue = (
        min(255, round(sum(bin.color[channel] * bin.samples for bin in bins) / samples))
        for channel in range(3)
    )
    return red, green, blue


def _count_bins(strip: Thumbnails, palette: Sequence[Color]) -> list[_Bin]:
    coarse = strip.samples.point([level - level % _BIN + _BIN // 2 for level in range(256)] * 3)
    counts = coarse.getcolors(1 << 15) or []
    image = Image.new("RGB", (len(counts), 1))
    image.putdata([color for _, color in counts])
    bins = zip(counts, _colors(image), _colors(_show_in(image, palette)), strict=True)
    return [_Bin(color, count, _distance(color, nearest)) for (count, _), color, nearest in bins]


def measure_color_error(strip: Thumbnails, palette_path: Path) -> float:
    """Return how far the worst blocks of the samples are from their colors when shown in the palette.

    A block is 2x2 samples, about 16 pixels square. The unit is that of `_distance`; the mean is that of one
    block in a thousand. The mean over all pixels tells nothing of a small colored region.
    """
    with Image.open(palette_path) as image:
        palette = _colors(image)[:-1]  # the last one is transparent
    kept, shown = (
        picture.reduce(2).convert("YCbCr") for picture in (strip.samples, _show_in(strip.samples, palette))
    )
    luma, blue, red = ImageChops.difference(kept, shown).split()
    distances = ImageChops.add(ImageChops.add(blue, red), luma.point([level // 2 for level in range(256)]))
    return _mean_of_highest(distances.histogram(), kept.width * kept.height // 1000 + 1)


def _mean_of_highest(histogram: Sequence[int], count: int) -> float:
    left, total = count, 0
    for level in range(len(histogram) - 1, -1, -1):
        taken = min(left, histogram[level])
        left, total = left - taken, total + taken * level
    return total / count


def _show_in(image: Image.Image, palette: Sequence[Color]) -> Image.Image:
    """Return the image with each pixel in the nearest color of the palette, without a dither."""
    table = Image.new("P", (1, 1))
    table.putpalette([level for color in palette for level in color])
    return image.quantize(palette=table, dither=Image.Dither.NONE).convert("RGB")


def _colors(image: Image.Image) -> list[Color]:
    levels = image.convert("RGB").tobytes()
    return [(levels[at], levels[at + 1], levels[at + 2]) for at in range(0, len(levels), 3)]


def _distance(one: Sequence[int], other: Sequence[int]) -> float:
    """Return how different two colors look, 0 to about 640: hue and saturation count twice as much as light.

    The sum of the differences of BT.601's Cb and Cr, and half of that of Y.
    """
    red, green, blue = (a - b for a, b in zip(one, other, strict=True))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return abs(luma) / 2 + abs(blue - luma) * 0.564 + abs(red - luma) * 0.713

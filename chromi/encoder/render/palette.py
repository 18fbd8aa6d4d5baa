"""Color quantization: choose the palette that represents the frames best, including rare colors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from chromi.encoder.frames.thumbnails import SAMPLES_WIDTH_PX, Thumbnails

_PALETTE_ENTRIES = 256
_KMEANS_THRESHOLD = 600
"""k-means stops when fewer than this many of 62,208 pixels change color. That halves its time for 0.05 dB."""
_MAX_SAMPLE_ROWS = 389
"""Rows of samples that the common colors are chosen from: 62,240 pixels. More change nothing."""

_BIN_SIZE = 8
"""Levels of each channel that are counted as one color."""
_MIN_SAMPLES = 6
"""Fewer samples of a color are noise: in a six-second clip one pixel in 64 is a sample."""
_DISTINCT_DISTANCE = 36
"""Distance at which two colors look different; see `_distance`."""
_MAX_RARE_SHARE = 1 / 6
"""Maximum share of the palette for rare colors."""

Color = tuple[int, int, int]


def write_palette(thumbnails: Thumbnails, color_count: int, palette_path: Path) -> None:
    """Write a palette for ffmpeg's paletteuse filter, a PNG of 16x16 pixels.

    `color_count` is 2 to 256, including one transparent color.
    """
    opaque = [(*color, 255) for color in choose_colors(thumbnails, color_count - 1)]
    image = Image.new("RGBA", (16, 16))
    image.putdata([*opaque, *[opaque[-1]] * (_PALETTE_ENTRIES - 1 - len(opaque)), (0, 0, 0, 0)])
    image.save(palette_path, "PNG")


def choose_colors(thumbnails: Thumbnails, count: int) -> Sequence[Color]:
    """Return up to `count` (1 to 255) colors that represent the samples best.

    Pillow's maximum coverage, refined by k-means, chooses the common colors. A median cut (ffmpeg's
    palettegen) takes a tenth more bytes on fur and half as many again on clean images. Rare colors that are
    far from all common ones replace as many of them.
    """
    common = _choose_common(thumbnails, count)
    rare = _choose_rare(thumbnails, common, int(count * _MAX_RARE_SHARE))
    return [*_choose_common(thumbnails, count - len(rare)), *rare] if rare else common


def _choose_common(thumbnails: Thumbnails, count: int) -> list[Color]:
    samples = thumbnails.samples
    size_px = (SAMPLES_WIDTH_PX, min(_MAX_SAMPLE_ROWS, samples.height))
    quantized = samples.resize(size_px, Image.Resampling.NEAREST).quantize(
        count, method=Image.Quantize.MAXCOVERAGE, kmeans=_KMEANS_THRESHOLD, dither=Image.Dither.NONE
    )
    levels = quantized.getpalette() or []
    return [(levels[i], levels[i + 1], levels[i + 2]) for i in range(0, min(len(levels), 3 * count), 3)]


@dataclass(frozen=True)
class _HistogramBin:
    """A color, its number of samples, and the distance to the nearest palette color."""

    color: Color
    samples: int
    distance: float


def _choose_rare(thumbnails: Thumbnails, common: Sequence[Color], max_count: int) -> list[Color]:
    """Return colors that the common ones do not represent, those with the largest error first."""
    distant = [bin for bin in _count_bins(thumbnails, common) if bin.distance >= _DISTINCT_DISTANCE]
    chosen: list[Color] = []
    while distant and len(chosen) < max_count:
        worst = max(distant, key=lambda bin: bin.distance * min(bin.samples, 20 * _MIN_SAMPLES))
        similar = [bin for bin in distant if _distance(bin.color, worst.color) < _DISTINCT_DISTANCE]
        distant = [bin for bin in distant if _distance(bin.color, worst.color) >= _DISTINCT_DISTANCE]
        samples = sum(bin.samples for bin in similar)
        if samples >= _MIN_SAMPLES:
            chosen.append(_mean_color(similar, samples))
    return chosen


def _mean_color(bins: Sequence[_HistogramBin], samples: int) -> Color:
    red, green, blue = (
        min(255, round(sum(bin.color[channel] * bin.samples for bin in bins) / samples))
        for channel in range(3)
    )
    return red, green, blue


def _count_bins(thumbnails: Thumbnails, palette: Sequence[Color]) -> list[_HistogramBin]:
    bin_centers = [level - level % _BIN_SIZE + _BIN_SIZE // 2 for level in range(256)]
    counts = thumbnails.samples.point(bin_centers * 3).getcolors(1 << 15) or []
    levels = bytes(level for _, color in counts for level in color)  # type: ignore[union-attr]
    image = Image.frombytes("RGB", (len(counts), 1), levels)
    bins = zip(counts, _read_colors(image), _read_colors(_apply_palette(image, palette)), strict=True)
    return [_HistogramBin(color, count, _distance(color, nearest)) for (count, _), color, nearest in bins]


def measure_color_error(thumbnails: Thumbnails, palette_path: Path) -> float:
    """Return the color error of the worst blocks of the samples when shown in the palette.

    A block is 2x2 samples, about 16 pixels square. The result is the mean `_distance` of the worst block in a
    thousand. The mean over all pixels does not reveal the error of a small colored region.
    """
    with Image.open(palette_path) as image:
        palette = _read_colors(image)[:-1]  # the last one is transparent
    original, quantized = (
        image.reduce(2).convert("YCbCr")
        for image in (thumbnails.samples, _apply_palette(thumbnails.samples, palette))
    )
    luma, blue, red = ImageChops.difference(original, quantized).split()
    distances = ImageChops.add(ImageChops.add(blue, red), luma.point([level // 2 for level in range(256)]))
    return _mean_of_highest(distances.histogram(), original.width * original.height // 1000 + 1)


def _mean_of_highest(histogram: Sequence[int], count: int) -> float:
    remaining, total = count, 0
    for level in range(len(histogram) - 1, -1, -1):
        taken = min(remaining, histogram[level])
        remaining, total = remaining - taken, total + taken * level
    return total / count


def _apply_palette(image: Image.Image, palette: Sequence[Color]) -> Image.Image:
    """Return the image with each pixel in the nearest palette color, without dithering."""
    palette_image = Image.new("P", (1, 1))
    palette_image.putpalette([level for color in palette for level in color])
    return image.quantize(palette=palette_image, dither=Image.Dither.NONE).convert("RGB")


def _read_colors(image: Image.Image) -> list[Color]:
    levels = image.convert("RGB").tobytes()
    return [(levels[i], levels[i + 1], levels[i + 2]) for i in range(0, len(levels), 3)]


def _distance(color: Sequence[int], other: Sequence[int]) -> float:
    """Return the visible difference of two colors, 0 to about 640; chroma counts twice as much as luma.

    It is the sum of the differences of BT.601's Cb and Cr, and half of the difference of Y.
    """
    red, green, blue = (a - b for a, b in zip(color, other, strict=True))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return abs(luma) / 2 + abs(blue - luma) * 0.564 + abs(red - luma) * 0.713

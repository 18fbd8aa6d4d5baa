"""Color quantization: choose the palette that represents pixels best, including rare colors.

Colors are clustered by k-means in OKLab, the color space in which the nearest color of a pixel is found, here
and by ffmpeg's paletteuse. At equal bytes, this scores up to ten SSIMULACRA2 points more than clusters of
sRGB values, most of all in dark scenes, whose colors sRGB spreads over few levels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from chromi.encoder.render.oklab import FloatArray, to_oklab, to_srgb
from chromi.encoder.render.pixels import ByteArray, Pixels, from_rgb, to_rgb

PALETTE_ENTRIES = 256

_MAX_SAMPLES = 16_000
"""How many pixels are sampled to choose a palette for the whole GIF. More make no visible difference."""
_FIRST_ITERATIONS = 10
_NEXT_ITERATIONS = 3
"""Iterations that start from the palette of the frame before."""
_MIN_USED_SHARE = 0.75
"""If fewer colors of the palette before are used, as after a cut, the next one does not start from it."""
_MOVED_SHARE = 1 / 16
"""Maximum share of the clusters that are moved to badly represented colors after an iteration."""
_MIN_MOVE_GAIN = 4
"""A cluster is moved only to one that has at least this many times its error."""

_CHUNK_POINTS = 256
"""Their distances from 256 colors fit into the cache of a core."""
_MIN_BIN_PIXELS = 6
"""Fewer pixels of a color are noise: one pixel in 8 of a frame is a sample, one in 64 of a whole clip."""
_MAX_BIN_PIXELS = 120
"""More pixels do not make a rare color more important."""
_DISTINCT_DISTANCE = 0.1
"""Distance in OKLab at which two colors look different."""
_MAX_RARE_SHARE = 1 / 6
"""Maximum share of the palette for rare colors."""

_RANDOM_POSITIONS = np.arange(128 * 1024) + np.random.default_rng(0).random(128 * 1024)
"""A random number between each integer and the next, the same for every sample of up to this many pixels."""

_Weights = npt.NDArray[np.float32]
Assignment = tuple[npt.NDArray[np.intp], FloatArray]


@dataclass(frozen=True)
class _Colors:
    """Distinct colors, shape (n, 3), and the number of pixels of each."""

    rgb: ByteArray
    counts: _Weights

    @classmethod
    def count(cls, pixels: Pixels) -> "_Colors":
        colors, counts = np.unique(pixels, return_counts=True)
        return cls(to_rgb(colors), counts.astype(np.float32))


def choose_evenly(count: int, max_count: int) -> slice | npt.NDArray[np.intp]:
    """Return indexes of up to `max_count` of `count` values: a random one of each of as many equal parts."""
    if count <= max_count:
        return slice(None)
    return _spread_evenly(count, max_count).astype(np.intp)


def _spread_evenly(total: int, count: int) -> npt.NDArray[np.float64]:
    """Return a random number in each of `count` equal parts of the range from 0 to `total`.

    Ascending positions are read several times as fast as independent ones, and represent the whole better.
    """
    return _RANDOM_POSITIONS[:count] * (total / count)


def choose_palette(pixels: ByteArray, color_count: int) -> ByteArray:
    """Return up to `color_count` (1 to 255) colors that represent the pixels best, an array of shape (n, 3).

    `pixels` are sRGB values of shape (n, 3). Rare colors that are far from all others replace the colors that
    represent the fewest differences.
    """
    return PaletteSequence(color_count).next(from_rgb(pixels))


class PaletteSequence:
    """Choose a palette for each of a sequence of frames; each starts from the palette before.

    This takes a third of the time of independent palettes, and changes the colors as little as possible.
    """

    def __init__(self, color_count: int) -> None:
        """Choose up to `color_count` colors, 1 to 255."""
        self._color_count = color_count
        self._centers: FloatArray | None = None

    def next(
        self, pixels: Pixels, weights: ByteArray | None = None, *, samples: int = _MAX_SAMPLES
    ) -> ByteArray:
        """Return the colors, shape (n, 3), that represent the pixels best.

        They are clustered from `samples` of the pixels.
        """
        colors = _Colors.count(self._sample(pixels, weights, samples))
        if len(colors.rgb) <= self._color_count:
            colors = _Colors.count(pixels)  # a small element may not be in the sample
        if len(colors.rgb) <= self._color_count:
            return colors.rgb
        self._centers = self._cluster(colors)
        return to_srgb(_add_rare(self._centers, pixels, self._color_count))

    def _sample(self, pixels: Pixels, weights: ByteArray | None, count: int) -> Pixels:
        """Return `count` of the pixels, chosen with a probability proportional to their weights."""
        if weights is None:
            return pixels[choose_evenly(len(pixels), count)]
        sums = np.cumsum(weights, dtype=np.uint32)
        positions = _spread_evenly(sums[-1], count).astype(np.uint32)
        return pixels[np.searchsorted(sums, positions, side="right")]

    def _cluster(self, colors: _Colors) -> FloatArray:
        points = to_oklab(colors.rgb)
        if self._centers is not None:
            assignment = find_nearest(points, self._centers)
            used_count = np.count_nonzero(np.bincount(assignment[0]))
            if used_count >= _MIN_USED_SHARE * len(self._centers):
                centers = self._centers.copy()
                return _run_kmeans(points, colors.counts, centers, assignment, _NEXT_ITERATIONS)
        centers = _initial_centers(colors, self._color_count)
        assignment = find_nearest(points, centers)
        return _run_kmeans(points, colors.counts, centers, assignment, _FIRST_ITERATIONS)


def _initial_centers(colors: _Colors, count: int) -> FloatArray:
    """Return the colors of Pillow's maximum coverage, completed by the most frequent colors."""
    image = Image.frombytes("RGB", (len(colors.rgb), 1), colors.rgb.tobytes())
    levels = (
        image.quantize(count, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette() or []
    )
    chosen = np.array(levels[: 3 * count], np.uint8).reshape(-1, 3)
    frequent = colors.rgb[np.argsort(-colors.counts, kind="stable")[: count - len(chosen)]]
    return to_oklab(np.concatenate([chosen, frequent]))


def _run_kmeans(
    points: FloatArray, weights: _Weights, centers: FloatArray, assignment: Assignment, iterations: int
) -> FloatArray:
    """Improve `centers`, to which the points are assigned, and return them."""
    for remaining in reversed(range(iterations)):
        nearest, squares = assignment
        errors = squares * weights
        cluster_weights = np.bincount(nearest, weights, len(centers))
        is_used = cluster_weights > 0
        for axis in range(3):
            sums = np.bincount(nearest, weights * points[:, axis], len(centers))
            centers[is_used, axis] = sums[is_used] / cluster_weights[is_used]
        if remaining:
            _move_cheapest_clusters(points, centers, nearest, errors)
            assignment = find_nearest(points, centers)
    return centers


def find_nearest(points: FloatArray, centers: FloatArray) -> Assignment:
    """Return for each point the number of the nearest center, and the square of its distance.

    Both are OKLab colors, arrays of shape (n, 3).
    """
    extended_points = np.ones((_CHUNK_POINTS, 4), np.float32)
    extended_centers = np.column_stack([-2 * centers, (centers * centers).sum(1)]).T
    nearest, squares = np.empty(len(points), np.intp), np.einsum("ij,ij->i", points, points)
    buffer, rows = np.empty((_CHUNK_POINTS, len(centers)), np.float32), np.arange(_CHUNK_POINTS)
    for start in range(0, len(points), _CHUNK_POINTS):
        chunk = slice(start, start + _CHUNK_POINTS)
        count = len(nearest[chunk])
        # The squares of the distances, less those of the points, which do not change which center is nearest.
        extended_points[:count, :3] = points[chunk]
        distances = np.matmul(extended_points[:count], extended_centers, out=buffer[:count])
        nearest[chunk] = distances.argmin(1)
        squares[chunk] += distances[rows[:count], nearest[chunk]]
    return nearest, np.maximum(squares, 0, out=squares)


def _move_cheapest_clusters(
    points: FloatArray, centers: FloatArray, nearest: npt.NDArray[np.intp], errors: FloatArray
) -> None:
    """Move clusters with the smallest error to the farthest colors of those with the largest error."""
    cluster_errors = np.bincount(nearest, errors, len(centers))
    by_error = np.argsort(cluster_errors)
    move_count = int(len(centers) * _MOVED_SHARE)
    for cheap, worst in zip(by_error[:move_count], by_error[: -move_count - 1 : -1], strict=True):
        if cluster_errors[worst] <= _MIN_MOVE_GAIN * cluster_errors[cheap]:
            break
        members = np.flatnonzero(nearest == worst)
        centers[cheap] = points[members[errors[members].argmax()]]


def _add_rare(chosen: FloatArray, pixels: Pixels, color_count: int) -> FloatArray:
    """Return the chosen colors with those of `pixels` that they do not represent, within `color_count`."""
    rare = _find_rare(chosen, pixels, int(color_count * _MAX_RARE_SHARE))
    replaced = max(0, len(chosen) + len(rare) - color_count)
    if not replaced:
        return np.concatenate([chosen, rare])
    return np.concatenate([_remove_similar(chosen, replaced), rare])


def _remove_similar(colors: FloatArray, count: int) -> FloatArray:
    """Return the colors without `count` of them, each of which is the most similar to a color that stays."""
    distances = ((colors[:, None] - colors[None]) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    stays = np.ones(len(colors), np.bool_)
    for _ in range(count):
        removed = np.where(stays, distances.min(1), np.inf).argmin()
        stays[removed] = False
        distances[:, removed] = np.inf
    return colors[stays]


def _find_rare(chosen: FloatArray, pixels: Pixels, max_count: int) -> FloatArray:
    """Return the colors of pixels that are far from all chosen ones, those with the largest error first."""
    bins, counts = _count_bins(pixels)
    _, squares = find_nearest(bins, chosen)
    is_distant = squares >= _DISTINCT_DISTANCE**2
    bins, counts, distances = bins[is_distant], counts[is_distant], np.sqrt(squares[is_distant])
    rare: list[FloatArray] = []
    while len(bins) and len(rare) < max_count:
        worst = bins[(distances * np.minimum(counts, _MAX_BIN_PIXELS)).argmax()]
        is_similar = ((bins - worst) ** 2).sum(1) < _DISTINCT_DISTANCE**2
        if counts[is_similar].sum() >= _MIN_BIN_PIXELS:
            rare.append(np.average(bins[is_similar], axis=0, weights=counts[is_similar]).astype(np.float32))
        bins, counts, distances = bins[~is_similar], counts[~is_similar], distances[~is_similar]
    return np.array(rare, np.float32).reshape(-1, 3)


def _count_bins(pixels: Pixels) -> tuple[FloatArray, _Weights]:
    """Return the colors of all bins with pixels, and the number of pixels in each.

    Colors that are equal without their lowest three bits are in one bin.
    """
    bins = pixels >> 9 & 0x7C00 | pixels >> 6 & 0x3E0 | pixels >> 3 & 0x1F
    counts = np.bincount(bins)
    used = np.flatnonzero(counts)
    centers = (used & 0x7C00) << 9 | (used & 0x3E0) << 6 | (used & 0x1F) << 3 | 0x040404
    return to_oklab(to_rgb(centers.astype(np.uint32))), counts[used].astype(np.float32)


def to_entries(palette: ByteArray) -> Pixels:
    """Return the entries of a GIF's palette: 255 opaque colors, then a transparent one.

    The last color fills unused entries.
    """
    unused = PALETTE_ENTRIES - 1 - len(palette)
    return np.append(from_rgb(np.pad(palette, ((0, unused), (0, 0)), mode="edge")), np.uint32(0))

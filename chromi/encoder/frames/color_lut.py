"""Lookup tables that bring HDR and wide-gamut colors to an ordinary screen's, as Chromium shows them.

A table holds, for evenly spaced R'G'B' of the clip, the linear light of BT.709 to show. It is not clipped to
0 to 1, nor is it encoded: between two entries either would be far off for colors at the gamut's edge.

Chromium's own pixels are the reference: its canvas was read back for patches in HLG, PQ, BT.2020 and Display
P3 (docs/encoder.md).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import product

from chromi.encoder.source.video_info import HDR_TRANSFERS, HLG, PQ

SIDE = 33
"""Entries along each axis."""


SDR_WHITE_NITS = 203.0
"""Luminance of an ordinary white in HDR video (ITU-R BT.2408)."""
PEAK_NITS = 1000.0
"""The brightest that HLG is made for (BT.2100), and that PQ is taken to hold where it does not say."""

_CHROMATICITIES = {
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte431": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue, by ffmpeg's name for them (ITU-T H.273, table 2).

Not SMPTE 170M and 240M, which Chromium takes for BT.709.
"""
_D65 = (0.3127, 0.3290)

_BT2020_LUMA = (0.2627, 0.6780, 0.0593)

_GAMMAS = {"bt470m": 2.2, "bt470bg": 2.8, "linear": 1.0}
"""SDR transfers that are not taken for sRGB's."""

_CB_TO_BLUE = 0.934
"""Chromium's software conversion (libyuv) gives BT.2020's Cb a factor of 2.0 at most, where 2.14 is exact."""

Color = Sequence[float]
_Matrix = Sequence[Color]


def needs_lut(transfer: str, primaries: str) -> bool:
    """Return whether colors must be converted to look right on an ordinary screen."""
    return transfer in HDR_TRANSFERS or transfer in _GAMMAS or _known(primaries, "bt709") != "bt709"


@lru_cache(maxsize=4)
def cube(transfer: str, primaries: str, peak_nits: float | None = None) -> str:
    """Return a table in the .cube format (Adobe's Cube LUT specification 1.0).

    Unknown primaries are BT.2020's in HDR, and BT.709's otherwise. `peak_nits` is the brightest light of a PQ
    clip, PEAK_NITS if it does not say.
    """
    if transfer == HLG:
        colors = _hlg_colors(_known(primaries, "bt2020"))
    elif transfer == PQ:
        colors = _pq_colors(_known(primaries, "bt2020"), peak_nits or PEAK_NITS)
    else:
        colors = _sdr_colors(_known(primaries, "bt709"), _GAMMAS.get(transfer))
    lines = ("{:.6f} {:.6f} {:.6f}".format(*color) for color in colors)
    return f"LUT_3D_SIZE {SIDE}\n" + "\n".join(lines) + "\n"


def _known(primaries: str, assumed: str) -> str:
    return primaries if primaries in _CHROMATICITIES else assumed


def _grid() -> Iterator[Color]:
    """Yield the colors of the table's entries, red changing fastest."""
    values = [step / (SIDE - 1) for step in range(SIDE)]
    for blue, green, red in product(values, repeat=3):
        yield red, green, blue


def _hdr_grid(decode: Callable[[float], float]) -> Iterator[Color]:
    """Yield the linear colors of the table's entries, with Chromium's weight of Cb."""
    for red, green, blue in _grid():
        luma = _BT2020_LUMA[0] * red + _BT2020_LUMA[1] * green + _BT2020_LUMA[2] * blue
        yield decode(red), decode(green), decode(max(0.0, luma + _CB_TO_BLUE * (blue - luma)))


def _sdr_colors(primaries: str, gamma: float | None) -> Iterator[Color]:
    to_bt709 = _convert(primaries, "bt709")
    for color in _grid():
        yield _apply(to_bt709, [math.pow(value, gamma) if gamma else _decode_srgb(value) for value in color])


def _hlg_colors(primaries: str) -> Iterator[Color]:
    to_bt2020, to_bt709, tone_map = (
        _convert(primaries, "bt2020"),
        _convert("bt2020", "bt709"),
        _ToneMap(PEAK_NITS),
    )
    for scene in _hdr_grid(_decode_hlg):
        scene = _apply(to_bt2020, scene)
        luminance = max(1e-9, sum(map(float.__mul__, _BT2020_LUMA, scene)))
        shown = math.pow(luminance, 0.2) * PEAK_NITS / SDR_WHITE_NITS  # BT.2100's system gamma of 1.2
        yield _apply(to_bt709, tone_map([value * shown for value in scene]))


def _pq_colors(primaries: str, peak_nits: float) -> Iterator[Color]:
    to_bt2020, to_bt709, tone_map = (
        _convert(primaries, "bt2020"),
        _convert("bt2020", "bt709"),
        _ToneMap(peak_nits),
    )
    for color in _hdr_grid(_decode_pq):
        yield _apply(to_bt709, tone_map(_apply(to_bt2020, color)))


class _ToneMap:
    """Chromium's reference white tone mapping for an SDR screen (SMPTE ST 2094-50).

    The brightest of the three channels, where 1 is SDR_WHITE_NITS, decides how much all three are dimmed: up
    to 1 evenly, beyond that along a quadratic Bezier curve that ends at white for the peak.
    """

    def __init__(self, peak_nits: float) -> None:
        self._peak = peak = max(1.0, peak_nits / SDR_WHITE_NITS)
        share = min(1.0, math.log2(peak) / math.log2(PEAK_NITS / SDR_WHITE_NITS))
        self._knee = knee = 1 - 0.5 * share
        bend = 0.65
        middle_x, middle_y = (1 - bend) + bend / knee, (1 - bend) * knee + bend
        self._x = (1 - 2 * middle_x + peak, 2 * (middle_x - 1))
        self._y = (knee - 2 * middle_y + 1, 2 * (middle_y - knee))

    def __call__(self, color: Color) -> Color:
        gain = self._gain(max(color))
        return [value * gain for value in color]

    def _gain(self, brightest: float) -> float:
        if brightest <= 1:
            return self._knee
        if brightest >= self._peak:
            return 1 / brightest
        square, linear = self._x
        root = math.sqrt(linear * linear + 4 * square * (brightest - 1))
        along = 2 * (brightest - 1) / (linear + root)  # where on the curve, 0 to 1; stable for a small square
        return (self._knee + along * (self._y[1] + along * self._y[0])) / brightest


def _decode_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else math.pow((value + 0.055) / 1.055, 2.4)


def _decode_hlg(value: float) -> float:
    """BT.2100, table 5: scene light, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return value * value / 3 if value <= 0.5 else (math.exp((value - c) / a) + b) / 12


def _decode_pq(value: float) -> float:
    """BT.2100, table 4: 1 is SDR_WHITE_NITS."""
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    root = math.pow(value, 1 / m2)
    return 10_000 / SDR_WHITE_NITS * math.pow(max(0.0, root - c1) / (c2 - c3 * root), 1 / m1)


def _convert(source: str, target: str) -> _Matrix:
    """Return the matrix between the linear colors of two sets of primaries with one white."""
    return _product(_inverse(_to_xyz(target)), _to_xyz(source))


def _to_xyz(primaries: str) -> _Matrix:
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in _CHROMATICITIES[primaries]]
    unscaled = list(zip(*columns, strict=True))
    x, y = _D65
    scale = _apply(_inverse(unscaled), (x / y, 1.0, (1 - x - y) / y))
    return [[value * factor for value, factor in zip(row, scale, strict=True)] for row in unscaled]


def _apply(matrix: _Matrix, color: Color) -> Color:
    red, green, blue = color
    return [row[0] * red + row[1] * green + row[2] * blue for row in matrix]


def _product(left: _Matrix, right: _Matrix) -> _Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]


def _inverse(matrix: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    adjugate = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return [[value / determinant for value in row] for row in adjugate]

"""3D lookup tables that convert HDR and wide-gamut colors to BT.709, matching Chromium's rendering.

A table maps evenly spaced R'G'B' values of the clip to linear BT.709 light. The output is neither clipped to
the range 0 to 1 nor gamma-encoded, because interpolating clipped or encoded entries is inaccurate for colors
at the edge of the gamut.

Chromium's rendering is the reference: color patches in HLG, PQ, BT.2020 and Display P3 were drawn to its
canvas and the pixels were read back (docs/encoder.md).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import product

from chromi.encoder.source.video_info import HDR_TRANSFERS, HLG, PQ

LUT_SIZE = 33
"""Number of entries along each axis."""

SDR_WHITE_NITS = 203.0
"""Luminance of diffuse white in HDR video (ITU-R BT.2408)."""
PEAK_NITS = 1000.0
"""Nominal peak luminance of HLG (BT.2100), and the assumed peak of PQ clips without metadata."""

_CHROMATICITIES = {
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "smpte431": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""The chromaticities of red, green and blue, keyed by ffmpeg's name for the primaries (H.273, table 2).

SMPTE 170M and 240M are left out because Chromium treats them as BT.709.
"""
_D65 = (0.3127, 0.3290)

_BT2020_LUMA = (0.2627, 0.6780, 0.0593)

_GAMMAS = {"bt470m": 2.2, "bt470bg": 2.8, "linear": 1.0}
"""Gammas of the SDR transfer functions that are not treated as sRGB."""

_CB_SCALE = 0.934
"""Chromium's software conversion (libyuv) caps BT.2020's Cb factor at 2.0; the exact factor is 2.14."""

Color = Sequence[float]
_Matrix = Sequence[Color]


def needs_lut(transfer: str, primaries: str) -> bool:
    """Return whether colors need a lookup table to be displayed correctly on an SDR screen."""
    return transfer in HDR_TRANSFERS or transfer in _GAMMAS or _known_primaries(primaries, "bt709") != "bt709"


@lru_cache(maxsize=4)
def make_cube_lut(transfer: str, primaries: str, peak_nits: float | None = None) -> str:
    """Return a lookup table in the .cube format (Adobe's Cube LUT specification 1.0).

    Unknown primaries are treated as BT.2020 for HDR transfers and as BT.709 otherwise. `peak_nits` is the
    peak luminance of a PQ clip and defaults to PEAK_NITS; other transfers ignore it.
    """
    if transfer == HLG:
        colors = _hlg_colors(_known_primaries(primaries, "bt2020"))
    elif transfer == PQ:
        colors = _pq_colors(_known_primaries(primaries, "bt2020"), peak_nits or PEAK_NITS)
    else:
        colors = _sdr_colors(_known_primaries(primaries, "bt709"), _GAMMAS.get(transfer))
    lines = ("{:.6f} {:.6f} {:.6f}".format(*color) for color in colors)
    return f"LUT_3D_SIZE {LUT_SIZE}\n" + "\n".join(lines) + "\n"


def _known_primaries(primaries: str, default: str) -> str:
    return primaries if primaries in _CHROMATICITIES else default


def _lut_inputs() -> Iterator[Color]:
    """Yield the R'G'B' values of the table's entries, with red changing fastest."""
    values = [step / (LUT_SIZE - 1) for step in range(LUT_SIZE)]
    for blue, green, red in product(values, repeat=3):
        yield red, green, blue


def _linear_hdr_inputs(decode: Callable[[float], float]) -> Iterator[Color]:
    """Yield the linear colors of the table's entries, scaling Cb as Chromium does."""
    for red, green, blue in _lut_inputs():
        luma = _BT2020_LUMA[0] * red + _BT2020_LUMA[1] * green + _BT2020_LUMA[2] * blue
        yield decode(red), decode(green), decode(max(0.0, luma + _CB_SCALE * (blue - luma)))


def _sdr_colors(primaries: str, gamma: float | None) -> Iterator[Color]:
    to_bt709 = _primaries_matrix(primaries, "bt709")
    for color in _lut_inputs():
        yield _apply(to_bt709, [math.pow(value, gamma) if gamma else _decode_srgb(value) for value in color])


def _hlg_colors(primaries: str) -> Iterator[Color]:
    to_bt2020 = _primaries_matrix(primaries, "bt2020")
    to_bt709 = _primaries_matrix("bt2020", "bt709")
    tone_map = _ToneMap(PEAK_NITS)
    for scene in _linear_hdr_inputs(_decode_hlg):
        scene = _apply(to_bt2020, scene)
        luminance = max(1e-9, sum(map(float.__mul__, _BT2020_LUMA, scene)))
        gain = math.pow(luminance, 0.2) * PEAK_NITS / SDR_WHITE_NITS  # BT.2100's system gamma of 1.2
        yield _apply(to_bt709, tone_map([value * gain for value in scene]))


def _pq_colors(primaries: str, peak_nits: float) -> Iterator[Color]:
    to_bt2020 = _primaries_matrix(primaries, "bt2020")
    to_bt709 = _primaries_matrix("bt2020", "bt709")
    tone_map = _ToneMap(peak_nits)
    for color in _linear_hdr_inputs(_decode_pq):
        yield _apply(to_bt709, tone_map(_apply(to_bt2020, color)))


class _ToneMap:
    """The reference white tone mapping that Chromium applies for an SDR screen (SMPTE ST 2094-50).

    The maximum of the three channels, where 1 is SDR_WHITE_NITS, determines the gain for all three. The gain
    is constant up to 1. Above 1 it follows a quadratic Bezier curve that maps the peak to white.
    """

    def __init__(self, peak_nits: float) -> None:
        self._peak = peak = max(1.0, peak_nits / SDR_WHITE_NITS)
        headroom = min(1.0, math.log2(peak) / math.log2(PEAK_NITS / SDR_WHITE_NITS))
        self._knee = knee = 1 - 0.5 * headroom
        curvature = 0.65
        control_x, control_y = (1 - curvature) + curvature / knee, (1 - curvature) * knee + curvature
        self._x = (1 - 2 * control_x + peak, 2 * (control_x - 1))
        self._y = (knee - 2 * control_y + 1, 2 * (control_y - knee))

    def __call__(self, color: Color) -> Color:
        gain = self._gain(max(color))
        return [value * gain for value in color]

    def _gain(self, maximum: float) -> float:
        if maximum <= 1:
            return self._knee
        if maximum >= self._peak:
            return 1 / maximum
        quadratic, linear = self._x
        root = math.sqrt(linear * linear + 4 * quadratic * (maximum - 1))
        # The curve parameter, 0 to 1, in a form that is stable if the quadratic coefficient is small.
        parameter = 2 * (maximum - 1) / (linear + root)
        return (self._knee + parameter * (self._y[1] + parameter * self._y[0])) / maximum


def _decode_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else math.pow((value + 0.055) / 1.055, 2.4)


def _decode_hlg(value: float) -> float:
    """Return scene light from 0 to 1 (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return value * value / 3 if value <= 0.5 else (math.exp((value - c) / a) + b) / 12


def _decode_pq(value: float) -> float:
    """Return display light in units where 1 is SDR_WHITE_NITS (BT.2100, table 4)."""
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    root = math.pow(value, 1 / m2)
    return 10_000 / SDR_WHITE_NITS * math.pow(max(0.0, root - c1) / (c2 - c3 * root), 1 / m1)


def _primaries_matrix(source: str, target: str) -> _Matrix:
    """Return the matrix between the linear colors of two sets of primaries with the same white point."""
    return _multiply(_invert(_to_xyz(target)), _to_xyz(source))


def _to_xyz(primaries: str) -> _Matrix:
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in _CHROMATICITIES[primaries]]
    unscaled = list(zip(*columns, strict=True))
    x, y = _D65
    scale = _apply(_invert(unscaled), (x / y, 1.0, (1 - x - y) / y))
    return [[value * factor for value, factor in zip(row, scale, strict=True)] for row in unscaled]


def _apply(matrix: _Matrix, color: Color) -> Color:
    red, green, blue = color
    return [row[0] * red + row[1] * green + row[2] * blue for row in matrix]


def _multiply(left: _Matrix, right: _Matrix) -> _Matrix:
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in left]


def _invert(matrix: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    adjugate = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return [[value / determinant for value in row] for row in adjugate]

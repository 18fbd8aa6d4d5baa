"""The colors of the matrix clips by the formulas of the standards, and the colors that Chromium shows.

Nothing here is shared with the encoder. Otherwise an error in one of its formulas would not be detected.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Color = Sequence[float]
Rgb = tuple[int, int, int]

PATCHES: dict[str, Rgb] = {
    "red": (200, 30, 30),
    "green": (30, 160, 40),
    "blue": (40, 60, 190),
    "yellow": (200, 180, 40),
    "cyan": (30, 160, 160),
    "purple": (160, 40, 160),
    "skin": (220, 160, 130),
    "dark": (20, 20, 20),
    "gray": (128, 128, 128),
    "white": (235, 235, 235),
}
"""Solid colors in sRGB. `dark` and `white` are also the bits of the frame numbers."""

_KR_KB = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114), "bt2020": (0.2627, 0.0593)}

# Linear BT.709 to other primaries with the same white, from their chromaticities (ITU-T H.273, table 2).
_FROM_BT709 = {
    "bt470bg": ((0.957815, 0.042185, 0.0), (0.0, 1.0, 0.0), (0.0, -0.011934, 1.011934)),
    "smpte432": ((0.822462, 0.177538, 0.0), (0.033194, 0.966806, 0.0), (0.017083, 0.072397, 0.91052)),
    "bt2020": (
        (0.627404, 0.329283, 0.043313),
        (0.069097, 0.91954, 0.011362),
        (0.016391, 0.088013, 0.895595),
    ),
}
WHITE_NITS, PEAK_NITS = 203, 1000  # diffuse white and nominal peak of HDR video
_HIGHLIGHTS = {"arib-std-b67": (0.8, 206), "smpte2084": (2 / 3, 227)}
"""In HDR `white` is above diffuse white: the signal of each channel, and the pixel in Chromium 156.0."""


@dataclass(frozen=True)
class ColorSpace:
    """The color tags of a clip, in ffmpeg's names.

    `matrix` is a key of _KR_KB. Chromium treats SMPTE 170M's primaries (BT.601 with 525 lines) as BT.709's,
    so a 525-line clip differs only in its matrix, which is true for most such files.
    """

    primaries: str
    transfer: str
    colorspace: str
    matrix: str

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("arib-std-b67", "smpte2084")

    def tags(self, *, full: bool) -> tuple[str, ...]:
        return (
            *("-color_primaries", self.primaries, "-color_trc", self.transfer),
            *("-colorspace", self.colorspace, "-color_range", "pc" if full else "tv"),
        )


SPACES = {
    "bt709": ColorSpace("bt709", "bt709", "bt709", "bt709"),
    "bt601_525": ColorSpace("smpte170m", "smpte170m", "smpte170m", "bt601"),
    "bt601_625": ColorSpace("bt470bg", "smpte170m", "bt470bg", "bt601"),
    "bt2020": ColorSpace("bt2020", "bt2020-10", "bt2020nc", "bt2020"),
    "p3": ColorSpace("smpte432", "bt709", "bt709", "bt709"),
    "hlg": ColorSpace("bt2020", "arib-std-b67", "bt2020nc", "bt2020"),
    "pq": ColorSpace("bt2020", "smpte2084", "bt2020nc", "bt2020"),
}
JPEG = ColorSpace("bt709", "iec61966-2-1", "bt470bg", "bt601")
"""The color space of every JPEG (JFIF 1.02)."""


def to_signal(color: Rgb, space: ColorSpace) -> Color:
    """Return the R'G'B' signal (0 to 1) of an sRGB color. In HDR, sRGB white is at WHITE_NITS."""
    if color == PATCHES["white"] and space.is_hdr:
        return [_HIGHLIGHTS[space.transfer][0]] * 3
    linear: Color = [_decode_srgb(value / 255) for value in color]
    if space.primaries in _FROM_BT709:
        linear = _apply(_FROM_BT709[space.primaries], linear)
    match space.transfer:
        case "smpte2084":
            return [_encode_pq(value * WHITE_NITS) for value in linear]
        case "arib-std-b67":
            display = [value * WHITE_NITS / PEAK_NITS for value in linear]
            luminance = max(1e-9, _luma(display, "bt2020"))
            return [_encode_hlg(value * luminance ** (-0.2 / 1.2)) for value in display]
        case _:
            return [_encode_srgb(value) for value in linear]


def to_yuv(signal: Color, matrix: str, *, full: bool, bits: int) -> tuple[int, int, int]:
    """Return the samples Y, Cb and Cr of R'G'B' (ITU-T H.273, equations 28 to 40)."""
    kr, kb = _KR_KB[matrix]
    luma = _luma(signal, matrix)
    chroma = ((signal[2] - luma) / (2 - 2 * kb), (signal[0] - luma) / (2 - 2 * kr))
    highest, step = 2**bits - 1, 2 ** (bits - 8)
    y = luma * highest if full else (16 + 219 * luma) * step
    cb, cr = (128 * step + value * (highest if full else 224 * step) for value in chroma)
    return _round_and_clip(y, highest), _round_and_clip(cb, highest), _round_and_clip(cr, highest)


def displayed_color(color: Rgb, space: ColorSpace, *, gray: bool = False) -> Rgb:
    """Return the color that an SDR screen shows for a patch."""
    if space.is_hdr and color == PATCHES["white"]:
        return (_HIGHLIGHTS[space.transfer][1],) * 3
    if space.is_hdr:
        return _tone_map(color)
    if gray:
        luma = _round_and_clip(255 * _luma(to_signal(color, space), space.matrix), 255)
        return luma, luma, luma
    return color


def _tone_map(color: Rgb) -> Rgb:
    """Halve the linear light, like Chromium up to WHITE_NITS (SMPTE ST 2094-50, reference white operator)."""
    red, green, blue = (
        _round_and_clip(255 * _encode_srgb(_decode_srgb(value / 255) / 2), 255) for value in color
    )
    return red, green, blue


def _luma(color: Color, matrix: str) -> float:
    kr, kb = _KR_KB[matrix]
    return kr * color[0] + (1 - kr - kb) * color[1] + kb * color[2]


def _round_and_clip(value: float, highest: int) -> int:
    return max(0, min(highest, round(value)))


def _apply(matrix: Sequence[Color], color: Color) -> Color:
    return [sum(a * b for a, b in zip(row, color, strict=True)) for row in matrix]


def _decode_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _encode_srgb(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _encode_hlg(value: float) -> float:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return math.sqrt(3 * value) if value <= 1 / 12 else a * math.log(12 * value - b) + c


def _encode_pq(nits: float) -> float:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (max(0.0, nits) / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2

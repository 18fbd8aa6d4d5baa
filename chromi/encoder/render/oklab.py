"""The OKLab color space, in which the distance of two colors is about as large as it looks.

The definition is Björn Ottosson's, "A perceptual color space for image processing" (2020). ffmpeg's
paletteuse finds the nearest palette color in the same space.
"""

import numpy as np
import numpy.typing as npt

from chromi.encoder.render.pixels import ByteArray

FloatArray = npt.NDArray[np.float32]

_LINEAR_RGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_CUBE_ROOT_LMS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_LMS_TO_LINEAR_RGB = np.linalg.inv(_LINEAR_RGB_TO_LMS)
_OKLAB_TO_CUBE_ROOT_LMS = np.linalg.inv(_CUBE_ROOT_LMS_TO_OKLAB)

_ONE_THIRD = np.float32(1 / 3)
_LEVELS = np.arange(256, dtype=np.float32) / 255
_LINEAR_LEVELS = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
"""The linear light of each sRGB level, as IEC 61966-2-1 defines it."""


def to_oklab(rgb: ByteArray) -> FloatArray:
    """Convert sRGB colors, an array of shape (n, 3), to OKLab: L from 0 to 1, a and b from -0.4 to 0.4."""
    lms = _LINEAR_LEVELS.take(rgb) @ _LINEAR_RGB_TO_LMS.T
    # This takes a third of the time of np.cbrt. No value is negative.
    oklab: FloatArray = np.power(lms, _ONE_THIRD) @ _CUBE_ROOT_LMS_TO_OKLAB.T
    return oklab


def to_srgb(oklab: FloatArray) -> ByteArray:
    """Convert OKLab colors, an array of shape (n, 3), to sRGB. Colors outside the gamut are clipped."""
    linear = np.clip((oklab @ _OKLAB_TO_CUBE_ROOT_LMS.T) ** 3 @ _LMS_TO_LINEAR_RGB.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: ByteArray = np.rint(encoded * 255).astype(np.uint8)
    return rgb

"""Blur, brighten, saturate and darken finished frames as browsers render the CSS filters.

The W3C's Filter Effects Module Level 1 defines `blur()`, `brightness()` and `saturate()`. They are applied in
this order to R'G'B', and each result is clamped. A black layer follows. Padding is changed like the content.

Except where they clamp, brightness, saturation and darkening are linear. Chroma samples are therefore
repeated before and averaged afterward, which loses nothing. Interpolating them twice would change Cb and Cr
by up to 16 levels at sharp edges. With 16 bits, the only other loss is the rounding of the result.

The blur consists of two resamplings with a Gaussian kernel, to a coarser grid and back, which add up to one
Gaussian. It takes 12 ms per frame of 1280x720 and no sample is more than one level off. ffmpeg's `gblur`
approximates the Gaussian by exponentials: it takes 17 ms and is up to 15 levels off. Chromium renders a true
Gaussian on a GPU. Without a GPU it sums boxes, which is up to 36 levels off for a blur of half a pixel.
"""

import math

from chromi.encoder.options import ConversionOptions

_YUV_TO_RGB = "zscale=matrixin=709:rangein=limited:matrix=gbr:range=full"
_RGB_TO_YUV = "zscale=matrixin=gbr:rangein=full:matrix=709:range=limited"
_REPEAT_CHROMA = "filter=point:chromalin=center"
_AVERAGE_CHROMA = "scale=flags=area+accurate_rnd"

_MIN_SIGMA_PX = 0.25
"""A smaller blur changes no pixel by more than a tenth of a level."""
_SMALL_SIGMA_PX = 1.4
_FINE_GRID_PX, _MIN_COARSE_GRID_PX = 0.5, 1.3
"""The distance between the points of the grid. A grid close to 1 would not be resampled at all."""


def apply_effects(options: ConversionOptions) -> list[str]:
    """Return the filters that apply the effects to yuv420p frames in BT.709, none without effects."""
    blur, colors = _blur(options), _change_colors(options)
    if not blur and not colors:
        return []
    return [
        f"{_YUV_TO_RGB}:{_REPEAT_CHROMA},format=gbrp16",
        *blur,
        *colors,
        f"{_RGB_TO_YUV},format=yuv444p,{_AVERAGE_CHROMA},format=yuv420p",
    ]


def _change_colors(options: ConversionOptions) -> list[str]:
    """Return the filters that change R'G'B' colors. Each clamps its result."""
    return [
        *([_multiply(options.brightness_percent / 100)] if options.brightness_percent != 100 else []),
        *([_saturate(options.saturation_percent / 100)] if options.saturation_percent != 100 else []),
        *([_multiply(1 - options.darken_percent / 100)] if options.darken_percent else []),
    ]


def _multiply(factor: float) -> str:
    """Return the filter that multiplies each channel. `lutrgb` would clamp 16-bit white to 254 of 255."""
    return "colorchannelmixer=" + ":".join(f"{channel}{channel}={factor:.5f}" for channel in "rgb")


def _saturate(amount: float) -> str:
    """Return the filter for feColorMatrix's type `saturate`: a mixture of each color and its luminance."""
    luminance = {"r": 0.213, "g": 0.715, "b": 0.072}
    return "colorchannelmixer=" + ":".join(
        f"{output}{source}={weight * (1 - amount) + amount * (output == source):.6f}"
        for output in luminance
        for source, weight in luminance.items()
    )


def _blur(options: ConversionOptions) -> list[str]:
    """Return the filters that blur R'G'B' frames as if their outermost pixels continued beyond the edge.

    The blur itself runs in Y'CbCr 4:4:4, because swscale resamples RGB less accurately. The spread of the
    kernel is given in points of the coarser grid; swscale's `param0` is the factor in
    2 ** (-param0 * distance ** 2).
    """
    sigma_px = options.blur_px
    if sigma_px < _MIN_SIGMA_PX:
        return []
    margin_px = 2 * math.ceil(1.5 * sigma_px)
    width_px, height_px = options.width_px + 2 * margin_px, options.height_px + 2 * margin_px
    sigma_of_each_px = sigma_px / math.sqrt(2)
    is_small = sigma_px < _SMALL_SIGMA_PX
    grid_px = _FINE_GRID_PX if is_small else max(_MIN_COARSE_GRID_PX, sigma_of_each_px)
    spread = sigma_of_each_px / max(1, grid_px)
    kernel = f"flags=gauss+accurate_rnd:param0={1 / (2 * math.log(2) * spread**2):.6f},format=yuv444p16"
    return [
        f"{_RGB_TO_YUV},format=yuv444p16",
        f"pad={width_px}:{height_px}:{margin_px}:{margin_px}",
        "fillborders=" + ":".join([str(margin_px)] * 4) + ":mode=smear",
        f"scale={round(width_px / grid_px)}:{round(height_px / grid_px)}:{kernel}",
        f"scale={width_px}:{height_px}:{kernel}",
        f"crop={options.width_px}:{options.height_px}",
        f"{_YUV_TO_RGB},format=gbrp16",
    ]

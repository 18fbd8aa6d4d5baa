"""Choose the colours: the palette that shows the strip's pixels best."""

from pathlib import Path

from PIL import Image

from chromi.encoder.strip import Strip

_SLOTS = 256
_SETTLED = 600
"""Pixels of 62,208 that may still change their colour when k-means stops: half the time, for 0.05 dB."""
_MAX_FRAMES = 12
"""Frames of the strip that a palette is made from: 62,208 pixels. More cost time and change nothing."""


def write_palette(strip: Strip, colours: int, palette_path: Path) -> None:
    """Write the palette of `colours` (2 to 256, one of them transparent) for paletteuse, a 16x16 PNG.

    Pillow's maximum coverage, refined by k-means. A median cut (ffmpeg's palettegen) takes a tenth more bytes
    on fur and half as many again on clean pictures.
    """
    step = -(-len(strip.frames) // _MAX_FRAMES)
    opaque = colours - 1
    quantised = strip.picture(step).quantize(
        opaque, method=Image.Quantize.MAXCOVERAGE, kmeans=_SETTLED, dither=Image.Dither.NONE
    )
    table = quantised.getpalette() or []
    chosen = [(*table[at : at + 3], 255) for at in range(0, min(len(table), 3 * opaque), 3)]
    image = Image.new("RGBA", (16, 16))
    image.putdata([*chosen, *[chosen[-1]] * (_SLOTS - 1 - len(chosen)), (0, 0, 0, 0)])
    image.save(palette_path, "PNG")

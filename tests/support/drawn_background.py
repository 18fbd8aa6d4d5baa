"""Draw backgrounds of plain colors, which takes much less time than converting a clip."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from chromi.encoder import ConversionResult
from tests.support.seeded_app import Finished

SIZE_PX = (1280, 720)


def draw_background(folder: Path, rows: list[list[str]]) -> Finished:
    """Draw a GIF of two frames and its poster: rows of equally large rectangles of these colors."""
    tile = Image.new("RGB", (len(rows[0]), len(rows)))
    for y, row in enumerate(rows):
        for x, color in enumerate(row):
            tile.paste(color, (x, y, x + 1, y + 1))
    frame = tile.resize(SIZE_PX, Image.Resampling.NEAREST)
    marked = frame.copy()
    marked.paste("gray", (0, 0, 1, 1))  # identical frames would be merged
    gif, poster = folder / "result.gif", folder / "poster.jpg"
    frame.save(gif, save_all=True, append_images=[marked], duration=500, loop=0)
    frame.save(poster)
    return gif, poster, ConversionResult(24, gif.stat().st_size, 100, *SIZE_PX, seconds={})

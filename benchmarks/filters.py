"""The filters that convert frames exactly. Every ffmpeg command of the benchmark uses them.

By default, swscale converts to RGB quickly: it rounds down and repeats chroma samples. Such frames differ
from exact ones by more than a level on average, which is up to eight points of SSIMULACRA2. A tool that is
given them would be at a disadvantage against an exact reference, and Chromi against a quick one.
"""

from __future__ import annotations

WIDTH_PX, HEIGHT_PX, FPS = 1280, 720, 24

EXACT = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
TO_BT709 = f"out_color_matrix=bt709:out_range=tv:{EXACT}"

COVER = (
    f"scale={WIDTH_PX}:{HEIGHT_PX}:force_original_aspect_ratio=increase:{TO_BT709},"
    f"crop={WIDTH_PX}:{HEIGHT_PX},setsar=1,format=yuv420p"
)
"""Scale a clip's frames to cover the GIF, as limited-range BT.709."""

TO_RGB = f"scale=in_color_matrix=bt709:in_range=tv:{EXACT}"
"""Convert such frames to the RGB format that follows."""

TO_YUV = f"scale={TO_BT709},format=yuv420p"
"""Convert a GIF's frames to the format of the reference."""

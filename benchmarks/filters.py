"""The filters that convert frames exactly. Every ffmpeg command of the benchmark uses them.

By default, swscale converts to RGB quickly: it rounds down and repeats chroma samples. Such frames differ
from exact ones by more than a level on average, which is up to eight points of SSIMULACRA2. A tool that is
given them would be at a disadvantage against an exact reference, and Chromi against a quick one.

It also takes each chroma sample to be in the middle of its four pixels. H.264, HEVC, VP9 and AV1 put it
between the two on the left unless a clip says otherwise (ITU-T H.273, chroma sample location type 0). A
reference made that way differs from Chromi's frames by up to 44 levels at saturated edges.
"""

from __future__ import annotations

WIDTH_PX, HEIGHT_PX, FPS = 1280, 720, 24

_EXACT = "accurate_rnd+full_chroma_int+full_chroma_inp"
_TO_BT709 = f"out_color_matrix=bt709:out_range=tv:flags=bicubic+{_EXACT}"

COVER = (
    f"scale={WIDTH_PX}:{HEIGHT_PX}:force_original_aspect_ratio=increase:{_TO_BT709},"
    f"crop={WIDTH_PX}:{HEIGHT_PX},setsar=1,format=yuv420p"
)
"""Scale a clip's frames to cover the GIF, as limited-range BT.709."""

TO_RGB = f"scale=in_color_matrix=bt709:in_range=tv:in_chroma_loc=left:flags=bilinear+{_EXACT}"
"""Convert such frames to the RGB format that follows. Chroma is interpolated linearly, as players do."""

TO_YUV = f"scale=out_chroma_loc=left:{_TO_BT709},format=yuv420p"
"""Convert RGB frames, such as those of a GIF, to the format of the reference."""

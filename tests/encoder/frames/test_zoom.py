"""Zoom enlarges the frame around the focus. Markers at known positions show where each point ends up."""

from pathlib import Path

import numpy as np
import pytest

from chromi.encoder.options import Framing
from tests.encoder.conftest import FirstFrame
from tests.support.clips import make_clip

pytestmark = pytest.mark.slow

COLORS = {"red": (0.25, 0.25), "lime": (0.5, 0.5), "blue": (0.8, 0.75)}
"""The position of each marker, as fractions of the clip's width and height."""
MARKER_PX = 12
CENTER, CORNERS = (0.5, 0.5), ((0, 0), (1, 0), (0, 1), (1, 1))


def make_markers(path: Path, size: str) -> Path:
    boxes = ",".join(
        f"drawbox=x={x}*iw-{MARKER_PX // 2}:y={y}*ih-{MARKER_PX // 2}:w={MARKER_PX}:h={MARKER_PX}"
        f":color={color}:t=fill"
        for color, (x, y) in COLORS.items()
    )
    return make_clip(
        path,
        seconds=0.2,
        size=size,
        pattern="color=gray",
        filters=f"format=yuv444p,{boxes}",
        codec="ffv1",
        pix_fmt="yuv444p",
    )


def expected_position(point: float, focus: float, clip_px: float, scale: float, gif_px: int) -> float:
    """Return where a point of the clip ends up on one axis: the focus is centered as far as edges allow."""
    scaled_px = clip_px * scale
    if scaled_px <= gif_px:
        return (gif_px - scaled_px) / 2 + point * scaled_px
    start_px = min(max(focus * scaled_px - gif_px / 2, 0), scaled_px - gif_px)
    return point * scaled_px - start_px


@pytest.mark.parametrize(
    ("size", "framing", "focus", "zoom"),
    [
        ("1280x720", Framing.FILL, CENTER, 1.5),
        *(("1280x720", Framing.FILL, focus, 2) for focus in CORNERS[::3]),
        ("720x1280", Framing.FILL, (0.3, 0.6), 1.3),
        ("720x1280", Framing.FIT, CENTER, 1.3),
        *(("960x960", Framing.FIT, focus, 1.5) for focus in CORNERS[1:3]),
        ("960x960", Framing.BLUR, CENTER, 2),
        ("960x960", Framing.BLUR, (1, 0), 1.2),
        ("1600x480", Framing.FIT, (0.7, 0.5), 1.25),
        ("641x361", Framing.FILL, (0.3, 0.6), 1.5),
    ],
)
def test_zoom_moves_markers_to_their_places(
    size: str,
    framing: Framing,
    focus: tuple[float, float],
    zoom: float,
    tmp_path: Path,
    first_frame: FirstFrame,
) -> None:
    clip = make_markers(tmp_path / "c.mkv", size)
    image = np.asarray(first_frame(clip, framing=framing, focus=focus, zoom=zoom)).astype(int)
    assert image.shape == (720, 1280, 3)
    width, height = map(int, size.split("x"))
    cover = max(1280 / width, 720 / height)
    scale = zoom * (cover if framing is Framing.FILL else min(1280 / width, 720 / height))
    for channel, (color, (x, y)) in enumerate(COLORS.items()):
        at = (
            expected_position(x, focus[0], width, scale, 1280),
            expected_position(y, focus[1], height, scale, 720),
        )
        others = [n for n in range(3) if n != channel]
        is_marker = image[..., channel] - image[..., others].max(-1) > 120
        if min(at[0], 1280 - at[0], at[1], 720 - at[1]) > MARKER_PX * scale:
            rows, columns = np.nonzero(is_marker)
            assert rows.size, f"{color} is missing"
            assert abs(columns.mean() + 0.5 - at[0]) <= 2.5, (color, at)
            assert abs(rows.mean() + 0.5 - at[1]) <= 2.5, (color, at)

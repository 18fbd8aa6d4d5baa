"""With default options, the filtergraphs stay as they were without effects, byte for byte.

If one has to change, increment `_FRAME_CACHE_VERSION` in chromi/encoder/options.py and update the vectors.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chromi.encoder.frames.filtergraph import build_filtergraph
from chromi.encoder.options import ConversionOptions, Framing
from chromi.encoder.source.video_info import VideoInfo
from tests.support.paths import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/default_filtergraphs.json").read_text())
TALL = VideoInfo("mov", "h264", 360, 640, 5.06, 30.0, 0.0, "yuv420p", "bt709", "bt709")
CLIPS = {
    "tall": TALL,
    "wide": replace(TALL, width_px=640, height_px=360),
    "gif": replace(TALL, container="gif", codec="gif", pixel_format="bgra", color_matrix="gbr"),
    "hdr": replace(TALL, color_transfer="arib-std-b67", color_matrix="bt2020nc"),
}
OPTIONS = {
    "fill": ConversionOptions(),
    "focus": ConversionOptions(focus=(0.25, 1.0)),
    "fit": ConversionOptions(framing=Framing.FIT),
    "pad": ConversionOptions(framing=Framing.FIT, pad="#102030", width_px=1920, height_px=1080),
    "blur": ConversionOptions(framing=Framing.BLUR),
}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("name", OPTIONS)
def test_default_filtergraph_is_unchanged(clip: str, name: str) -> None:
    lut_path = Path("/lut/color.cube") if clip == "hdr" else None
    graph = build_filtergraph(CLIPS[clip], OPTIONS[name], ["fps=24"], lut_path=lut_path, pixelated=False)
    assert graph == VECTORS[f"{clip} {name}"]

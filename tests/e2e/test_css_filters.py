"""The effects match Chromium's rendering of the CSS filters on the same frame.

Chromium renders an exact Gaussian blur only on a GPU, so these tests emulate one. Without a GPU, it sums
boxes, which is up to 36 levels off.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright

from chromi.encoder.frames.extract import extract_frames
from chromi.encoder.options import ConversionOptions, Framing, Loop
from chromi.encoder.source.probe import probe_video
from tests.e2e.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.support.clips import HLG_OPTIONS, make_clip
from tests.support.frame_planes import FramePlanes, Plane, read_planes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GPU_ARGS = [
    *(argument for argument in CHROMIUM_ARGS if argument != "--disable-gpu"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--enable-gpu-rasterization", "--ignore-gpu-blocklist"),
]
FRAME_URL = "https://frame.test/f.bmp"
MARGIN_PX = 80
"""The outermost pixels are repeated this far, because a CSS blur fades to transparent at an image's edges."""
MAX_DIFFERENCE = 2

EACH: list[dict[str, Any]] = [
    {"blur_px": 4},
    {"brightness_percent": 150},
    {"saturation_percent": 200},
    {"darken_percent": 60},
]
"""tests/encoder/frames/test_effects.py checks further values against the filters' definitions."""
ALL = {"blur_px": 3, "brightness_percent": 130, "saturation_percent": 160, "darken_percent": 25}
WITHOUT_CLAMPING = {**ALL, "brightness_percent": 80, "saturation_percent": 60}
SMALL = {"width_px": 640, "height_px": 360}
FULL_HD = {"width_px": 1920, "height_px": 1080}


@pytest.fixture(scope="module")
def page(playwright: Playwright) -> Iterator[Page]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=GPU_ARGS)
    yield browser.new_page()
    browser.close()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Clips of a fractal, which has fine lines, smooth areas and saturated colors."""
    folder = tmp_path_factory.mktemp("css")
    pattern: dict[str, Any] = {"rate": 24, "pattern": "mandelbrot=maxiter=200", "size": "640x360"}
    short = {**pattern, "seconds": 0.2}
    see_through = "format=rgba,drawbox=w=iw/2:h=ih:color=black@0:t=fill:replace=1"
    return {
        "wide": make_clip(folder / "wide.mp4", **pattern, seconds=1),
        "upright phone": make_clip(folder / "tall.mp4", **short, rotate=-90),
        "alpha": make_clip(folder / "a.mov", **short, filters=see_through, codec="qtrle", pix_fmt="argb"),
        "hdr": make_clip(
            folder / "hdr.mp4", **short, codec="libx265", pix_fmt="yuv420p10le", options=HLG_OPTIONS
        ),
    }


def read_frame(clip: Path, folder: Path, **options: Any) -> FramePlanes:
    """Return the last extracted frame."""
    conversion = ConversionOptions(**{"duration_s": 0.1, **options})
    folder.mkdir()
    limits: dict[str, Any] = {"threads": 2, "timeout_s": 60, "on_tick": lambda frames: None}
    extracted = extract_frames(clip, probe_video(clip), conversion, output_dir=folder, **limits)
    return read_planes(extracted, conversion.width_px, conversion.height_px, extracted.count - 1)


def render_css(page: Page, rgb: Plane, effects: dict[str, float]) -> Plane:
    """Return an image as Chromium renders it with the effects."""
    options = ConversionOptions(**effects)  # type: ignore[arg-type]
    image = np.pad(np.round(rgb).astype(np.uint8), [(MARGIN_PX, MARGIN_PX)] * 2 + [(0, 0)], "edge")
    bmp = io.BytesIO()
    Image.fromarray(image).save(bmp, "BMP")  # uncompressed: rendered once
    filters = (
        f"blur({options.blur_px}px) brightness({options.brightness_percent}%) "
        f"saturate({options.saturation_percent}%)"
    )
    height, width, _ = rgb.shape
    page.set_viewport_size({"width": width, "height": height})
    page.route(FRAME_URL, lambda route: route.fulfill(body=bmp.getvalue(), content_type="image/bmp"))
    page.set_content(
        f'<body style="margin:0;overflow:hidden"><img src="{FRAME_URL}" style="position:absolute'
        f';left:-{MARGIN_PX}px;top:-{MARGIN_PX}px;filter:{filters}"><div style="position:absolute;inset:0'
        f';background:black;opacity:{options.darken_percent}%"></div>',
        wait_until="load",
    )
    page.unroute(FRAME_URL)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        return np.asarray(shot.convert("RGB")).astype(np.float64)


@pytest.mark.parametrize(
    ("clip", "options", "all_effects"),
    [
        ("wide", SMALL, EACH),
        *(("upright phone", {"framing": framing, **SMALL}, [ALL]) for framing in Framing),
        ("upright phone", {"framing": Framing.FIT, "pad": "#4080c0", **FULL_HD}, [{**ALL, "blur_px": 20}]),
        # Effects come before the blending of two frames, which makes no difference unless they clamp.
        ("wide", {"loop": Loop.CROSSFADE, "duration_s": 0.3, **SMALL}, [WITHOUT_CLAMPING]),
        ("alpha", SMALL, [ALL]),
        ("hdr", SMALL, [ALL]),
    ],
    ids=["each", *Framing, "full-hd", "crossfade", "alpha", "hdr"],
)
def test_effects_match_css(
    clip: str,
    options: dict[str, Any],
    all_effects: list[dict[str, Any]],
    clips: dict[str, Path],
    tmp_path: Path,
    page: Page,
) -> None:
    rgb = read_frame(clips[clip], tmp_path / "plain", **options).to_rgb()
    for number, effects in enumerate(all_effects):
        css = FramePlanes.from_rgb(render_css(page, rgb, effects))
        changed = read_frame(clips[clip], tmp_path / str(number), **options, **effects)
        assert changed.difference(css) <= MAX_DIFFERENCE, effects

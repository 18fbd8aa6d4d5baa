"""Colors match Chromium for every combination of primaries, transfer, matrix and range."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chromi.encoder.frames.color_lut import make_cube_lut, needs_lut
from chromi.encoder.loops import find_loops
from chromi.encoder.source.probe import probe_video
from tests.encoder.conftest import FirstFrame
from tests.support.clips import ffmpeg

pytestmark = pytest.mark.slow

RED, GREEN, GRAY = (200, 30, 30), (30, 160, 40), (128, 128, 128)


def make_striped_clip(
    path: Path,
    *,
    convert: str,
    codec: str = "libx264",
    size: str = "96x54",
    options: Sequence[str] = (),
    colors: Sequence[tuple[int, int, int]] = (RED, GREEN, GRAY),
) -> Path:
    """Make a clip of vertical stripes of sRGB colors, converted by the filters `convert`."""
    width, height = map(int, size.split("x"))
    stripes = ",".join(
        f"drawbox=x={number * width // len(colors)}:y=0:w={width}:h={height}:thickness=fill"
        f":color=0x{red:02x}{green:02x}{blue:02x}"
        for number, (red, green, blue) in enumerate(colors)
    )
    source = f"color=black:size={size}:rate=24:duration=0.5,format=gbrp,{stripes},{convert}"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", codec, *options, path)
    return path


def assert_stripes(first_frame: FirstFrame, clip: Path, tolerance: int = 4) -> None:
    image = first_frame(clip)
    for number, wanted in enumerate((RED, GREEN, GRAY)):
        shown = image.getpixel((round(1280 * (number + 0.5) / 3), 360))
        assert shown == pytest.approx(wanted, abs=tolerance)


_LOSSLESS = ("-qp", "0", "-preset", "ultrafast")


def test_ycgco_is_converted_and_searched_for_loops(first_frame: FirstFrame, tmp_path: Path) -> None:
    clip = make_striped_clip(
        tmp_path / "c.mp4",
        convert="format=gbrp,setparams=colorspace=gbr:range=pc,zscale=matrixin=gbr:rangein=full:matrix=ycgco:range=limited,format=yuv444p,"
        "setparams=colorspace=bt709",
        options=(*_LOSSLESS, "-bsf:v", "h264_metadata=matrix_coefficients=8"),
    )
    assert probe_video(clip).color_matrix == "ycgco"
    assert_stripes(first_frame, clip)
    assert find_loops(clip)[0].score == 100


@pytest.mark.parametrize(("matrix", "full_range"), [("bt709", True), ("smpte170m", False)])
def test_vp8_uses_matrix_and_range_of_container(
    full_range: bool, matrix: str, first_frame: FirstFrame, tmp_path: Path
) -> None:
    """VP8 streams have no matrix and range. The decoder reports arbitrary ones."""
    name = "pc" if full_range else "tv"
    clip = make_striped_clip(
        tmp_path / "c.webm",
        convert=f"scale=out_color_matrix={matrix}:out_range={name},format=yuv420p,"
        f"setparams=range={name}:colorspace={matrix}",
        codec="libvpx",
        options=("-crf", "4", "-b:v", "4M", "-color_range", name, "-colorspace", matrix),
    )
    info = probe_video(clip)
    assert (info.color_range, info.color_matrix) == (name, matrix)
    assert_stripes(first_frame, clip)


@pytest.mark.parametrize(
    ("codec", "suffix", "size", "matrix"),
    [
        ("libx264", "mp4", "1280x720", "bt709"),
        ("libx264", "mp4", "1280x718", "smpte170m"),
        ("libx264", "mp4", "480x800", "bt709"),
        ("libvpx", "webm", "960x540", "smpte170m"),
        ("libvpx-vp9", "webm", "1280x720", "smpte170m"),
    ],
)
def test_untagged_clip_uses_matrix_that_chromium_assumes(
    codec: str, suffix: str, size: str, matrix: str, first_frame: FirstFrame, tmp_path: Path
) -> None:
    untagged = "setparams=range=unknown:colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    clip = make_striped_clip(
        tmp_path / f"c.{suffix}",
        convert=f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p,{untagged}",
        codec=codec,
        size=size,
        options=_LOSSLESS if codec == "libx264" else ("-crf", "4", "-b:v", "8M"),
    )
    assert probe_video(clip).has_wrong_tags
    assert_stripes(first_frame, clip)


def lut_rows(transfer: str, primaries: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, row.split())) for row in make_cube_lut(transfer, primaries).splitlines()[1:]]


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
@pytest.mark.parametrize("primaries", ["bt2020", "smpte432", "bt709"])
def test_hdr_lut_uses_primaries_named_by_the_file(transfer: str, primaries: str) -> None:
    """Gray stays gray for all primaries. Wider primaries give a more saturated red."""
    rows = lut_rows(transfer, primaries)
    gray, red = rows[16 * (1 + 33 + 33 * 33)], rows[16]
    assert gray[0] == pytest.approx(gray[1], rel=0.01)
    assert gray[0] == pytest.approx(gray[2], rel=0.01)
    bt2020_red = lut_rows(transfer, "bt2020")[16]
    assert (red[0] < bt2020_red[0]) is (primaries != "bt2020")


def test_bt709_colors_need_no_lut() -> None:
    assert not needs_lut("bt709", "bt709")
    assert not needs_lut("unknown", "unknown")
    assert not needs_lut("smpte170m", "smpte170m"), "Chromium treats its primaries as BT.709"
    assert needs_lut("bt709", "smpte432")
    assert needs_lut("smpte170m", "bt470bg")


def test_peak_luminance_of_pq_clip_is_read(tmp_path: Path) -> None:
    clip = make_striped_clip(
        tmp_path / "c.mp4",
        convert="scale=out_color_matrix=bt2020nc:out_range=tv,format=yuv420p10le",
        codec="libx265",
        options=(
            *("-x265-params", "log-level=error:hdr10=1:max-cll=400,100"),
            *("-color_trc", "smpte2084", "-color_primaries", "bt2020", "-colorspace", "bt2020nc"),
        ),
    )
    assert probe_video(clip).peak_nits == 400

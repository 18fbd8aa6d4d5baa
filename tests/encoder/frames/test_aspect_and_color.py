"""Clips come out upright, undistorted and in their own colors.

The test matrix has each codec, rotation, transparency and range; these tests have what it lacks.
"""

from pathlib import Path

import pytest
from PIL import Image, ImageColor, ImageDraw

from chromi.encoder.options import Framing, Scaling
from tests.encoder.conftest import FirstFrame, is_close_to
from tests.support.clips import QUADRANTS, ffmpeg, make_clip

pytestmark = pytest.mark.slow

CORNERS = ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9))


def colors_at_corners(image: Image.Image) -> list[str]:
    """Return the names of the colors at the top left, top right, bottom left and bottom right."""
    return [color_name_at(image, x, y) for x, y in CORNERS]


def color_name_at(image: Image.Image, x: float, y: float) -> str:
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    names = [name for name in QUADRANTS if is_close_to(pixel, ImageColor.getrgb(name)[:3])]
    return names[0] if names else str(pixel)


UPRIGHT = ["red", "lime", "blue", "yellow"]


def test_rotated_and_mirrored_clip_is_shown_upright(tmp_path: Path, first_frame: FirstFrame) -> None:
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.2, pattern="quadrants")
    both = tmp_path / "both.mp4"
    ffmpeg("-display_rotation", "90", "-display_hflip", "-i", plain, "-c", "copy", both)
    corners = colors_at_corners(first_frame(both))
    ffmpeg("-i", both, "-frames:v", "1", tmp_path / "reference.png")
    with Image.open(tmp_path / "reference.png") as reference:
        assert corners == colors_at_corners(reference.convert("RGB"))
    assert corners[0] in ("red", "yellow")  # rotating and mirroring swaps two corners and leaves two


@pytest.mark.parametrize("size", ["321x241", "1x1", "2x2000", "2000x2", "1280x720", "100x1000"])
def test_clips_of_every_size_fill_the_frame(size: str, tmp_path: Path, first_frame: FirstFrame) -> None:
    clip = make_clip(
        tmp_path / "c.mkv", seconds=0.2, size=size, pattern="color=red", codec="ffv1", pix_fmt="yuv444p"
    )
    image = first_frame(clip)
    assert image.size == (1280, 720)
    assert colors_at_corners(image) == ["red"] * 4


def test_anamorphic_clip_is_not_cropped_when_displayed_as_16_9(
    tmp_path: Path, first_frame: FirstFrame
) -> None:
    """640x480 with a pixel aspect ratio of 4:3 is displayed as 16:9, so nothing may be cropped."""
    edge = "drawbox=w=40:h=ih:color=red:t=fill,drawbox=x=iw-40:w=40:h=ih:color=lime:t=fill,setsar=4/3"
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, size="640x480", pattern="color=black", filters=edge)
    image = first_frame(clip)
    assert (color_name_at(image, 0.02, 0.5), color_name_at(image, 0.98, 0.5)) == ("red", "lime")


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("mp4", "libaom-av1", "yuv420p"),
        ("mov", "png", "rgb24"),
        ("mkv", "ffv1", "gbrp"),
    ],
)
def test_formats_that_the_matrix_lacks_preserve_colors(
    suffix: str, codec: str, pix_fmt: str, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(tmp_path / f"c.{suffix}", seconds=0.2, pattern="quadrants", codec=codec, pix_fmt=pix_fmt)
    assert colors_at_corners(first_frame(clip)) == UPRIGHT


def test_large_clip_tagged_as_bt601_is_bt601(tmp_path: Path, first_frame: FirstFrame) -> None:
    """An untagged clip of this size is BT.709."""
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=0.1,
        size="1280x720",
        pattern="color=0x4080C0",
        filters="scale=out_color_matrix=bt601,format=yuv444p,setparams=colorspace=smpte170m",
        pix_fmt="yuv444p",
    )
    assert is_close_to(center_pixel(first_frame(clip)), (0x40, 0x80, 0xC0), tolerance=4)


def center_pixel(image: Image.Image) -> tuple[int, ...]:
    pixel = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize(
    ("transfer", "level", "shown"),
    # As Chromium 156 renders these levels (docs/encoder.md): diffuse white, 203 nits, is half of linear
    # light.
    [
        *(("smpte2084", level, shown) for level, shown in ((0.38, 72), (0.733, 249))),
        *(("arib-std-b67", level, shown) for level, shown in ((0.38, 72), (0.933, 240))),
    ],
)
def test_hdr_grays_match_chromium(
    transfer: str, level: float, shown: int, tmp_path: Path, first_frame: FirstFrame
) -> None:
    gray = center_pixel(first_frame(make_hdr_clip(tmp_path / "c.mp4", transfer, level)))
    assert max(gray) - min(gray) <= 2
    assert gray[0] == pytest.approx(shown, abs=3)


def make_hdr_clip(path: Path, transfer: str, level: float) -> Path:
    luma = round(64 + level * 876)
    return make_clip(
        path,
        seconds=0.1,
        pattern="color=black",
        filters=f"format=yuv420p10le,lutyuv=y={luma}:u=512:v=512",
        codec="libx265",
        pix_fmt="yuv420p10le",
        options=(
            *("-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", transfer),
            *("-x265-params", f"log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer={transfer}"),
        ),
    )


def test_transparent_pixels_of_qtrle_show_background_color(tmp_path: Path, first_frame: FirstFrame) -> None:
    clip = make_clip(
        tmp_path / "c.mov",
        seconds=0.2,
        pattern="color=red@0.0",
        filters="format=rgba,drawbox=w=iw/2:h=ih:color=lime@1.0:t=fill:replace=1",
        codec="qtrle",
        pix_fmt="argb",
    )
    image = first_frame(clip)
    assert color_name_at(image, 0.1, 0.5) == "lime"
    assert is_close_to(image.getpixel((1200, 360)), (0x20, 0x21, 0x24), tolerance=6)  # type: ignore[arg-type]


@pytest.mark.parametrize("framing", Framing)
def test_dark_object_of_transparent_gif_has_no_light_edge(
    framing: Framing, tmp_path: Path, first_frame: FirstFrame
) -> None:
    """ffmpeg decodes the transparent pixels as white."""
    frames = [Image.new("P", (89, 101)) for _ in range(2)]
    for number, frame in enumerate(frames):
        frame.putpalette([255, 255, 255, 0, 0, 0])
        ImageDraw.Draw(frame).ellipse((20 + number, 20, 70, 80), fill=1)
    frames[0].save(
        tmp_path / "c.gif", save_all=True, append_images=frames[1:], duration=100, transparency=0, disposal=2
    )
    image = first_frame(tmp_path / "c.gif", framing=framing, pad="#202124", scaling=Scaling.SMOOTH)
    assert is_close_to(center_pixel(image), (0, 0, 0), tolerance=4)
    assert max(high for _, high in image.getextrema()) <= 0x24 + 6  # type: ignore[misc]


def test_first_of_two_video_streams_is_used_after_an_audio_stream(
    tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "sine", "-f", "lavfi", "-i", "color=red:size=64x36"),
        *("-f", "lavfi", "-i", "color=lime:size=320x180", "-map", "0", "-map", "1", "-map", "2"),
        *("-t", "0.3", clip),
    )
    assert colors_at_corners(first_frame(clip)) == ["red"] * 4


def test_cover_art_is_not_used_as_video(tmp_path: Path, first_frame: FirstFrame) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=lime:size=64x36", "-frames:v", "1", tmp_path / "cover.png")
    red = make_clip(tmp_path / "red.mp4", seconds=0.3, pattern="color=red")
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-i", tmp_path / "cover.png", "-i", red, "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", clip),
    )
    assert colors_at_corners(first_frame(clip)) == ["red"] * 4

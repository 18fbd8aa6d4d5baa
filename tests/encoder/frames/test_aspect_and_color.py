"""Clips of every aspect ratio, rotation and codec come out upright, undistorted and in their own colors."""

from pathlib import Path

import pytest
from PIL import Image, ImageColor

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


@pytest.mark.parametrize(
    ("rotate", "corners"),
    [
        (0, UPRIGHT),
        (90, ["lime", "yellow", "red", "blue"]),
        (180, ["yellow", "blue", "lime", "red"]),
        (-90, ["blue", "red", "yellow", "lime"]),
    ],
)
def test_rotated_clip_is_shown_upright(
    rotate: int, corners: list[str], tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, pattern="quadrants", rotate=rotate)
    assert colors_at_corners(first_frame(clip)) == corners


def test_mirrored_clip_is_mirrored_back(tmp_path: Path, first_frame: FirstFrame) -> None:
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.2, pattern="quadrants")
    ffmpeg("-display_hflip", "-i", plain, "-c", "copy", tmp_path / "mirrored.mp4")
    assert colors_at_corners(first_frame(tmp_path / "mirrored.mp4")) == ["lime", "red", "yellow", "blue"]


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


def test_tall_clip_is_cropped_to_its_center(tmp_path: Path, first_frame: FirstFrame) -> None:
    bands = "drawbox=h=ih/4:color=red:t=fill,drawbox=y=3*ih/4:h=ih/4:color=red:t=fill"
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, size="360x640", pattern="color=lime", filters=bands)
    assert colors_at_corners(first_frame(clip)) == ["lime"] * 4


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("mp4", "libx264", "yuv420p10le"),
        ("mp4", "libx264", "yuv422p"),
        ("mp4", "libx264", "yuv444p"),
        ("mp4", "libx264", "yuvj420p"),
        ("mp4", "libx265", "yuv420p10le"),
        ("mp4", "libaom-av1", "yuv420p"),
        ("webm", "libvpx", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("mov", "mjpeg", "yuvj422p"),
        ("mov", "qtrle", "rgb24"),
        ("mov", "png", "rgb24"),
        ("mov", "rawvideo", "rgb24"),
        ("mp4", "mpeg4", "yuv420p"),
        ("mkv", "ffv1", "gbrp"),
        ("gif", "gif", "rgb8"),
    ],
)
def test_every_codec_preserves_colors(
    suffix: str, codec: str, pix_fmt: str, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(tmp_path / f"c.{suffix}", seconds=0.2, pattern="quadrants", codec=codec, pix_fmt=pix_fmt)
    assert colors_at_corners(first_frame(clip)) == UPRIGHT


@pytest.mark.parametrize(
    ("size", "matrix", "tag"),
    [
        ("640x360", "bt601", "unknown"),
        ("1280x720", "bt709", "unknown"),
        ("640x360", "bt709", "bt709"),
        ("1280x720", "bt601", "smpte170m"),
    ],
)
def test_untagged_clip_is_bt601_when_small_and_bt709_when_large(
    size: str, matrix: str, tag: str, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=0.1,
        size=size,
        pattern="color=0x4080C0",
        filters=f"scale=out_color_matrix={matrix},format=yuv444p,setparams=colorspace={tag}",
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
        *(("smpte2084", level, shown) for level, shown in ((0.38, 72), (0.58, 187), (0.733, 249))),
        *(("arib-std-b67", level, shown) for level, shown in ((0.38, 72), (0.75, 186), (0.933, 240))),
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


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        ("webm", "libvpx", "yuva420p"),
        ("webm", "libvpx-vp9", "yuva420p"),
        ("mov", "prores_ks", "yuva444p10le"),
        ("mov", "qtrle", "argb"),
        ("mov", "png", "rgba"),
    ],
)
def test_transparent_pixels_show_background_color(
    suffix: str, codec: str, pix_fmt: str, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(
        tmp_path / f"c.{suffix}",
        seconds=0.2,
        pattern="color=red@0.0",
        filters="format=rgba,drawbox=w=iw/2:h=ih:color=lime@1.0:t=fill:replace=1",
        codec=codec,
        pix_fmt=pix_fmt,
    )
    image = first_frame(clip)
    assert color_name_at(image, 0.1, 0.5) == "lime"
    assert is_close_to(image.getpixel((1200, 360)), (0x20, 0x21, 0x24), tolerance=6)  # type: ignore[arg-type]


def test_transparent_pixels_of_gif_show_background_color(tmp_path: Path, first_frame: FirstFrame) -> None:
    frame = Image.new("P", (64, 36), 0)
    frame.putpalette([255, 0, 0, 0, 255, 0])
    frame.paste(1, (0, 0, 32, 36))
    frame.save(tmp_path / "c.gif", transparency=0, save_all=True, append_images=[frame.copy()], duration=100)
    image = first_frame(tmp_path / "c.gif")
    assert color_name_at(image, 0.1, 0.5) == "lime"
    assert is_close_to(image.getpixel((1200, 360)), (0x20, 0x21, 0x24), tolerance=6)  # type: ignore[arg-type]


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


def test_full_range_and_limited_range_give_the_same_gray(tmp_path: Path, first_frame: FirstFrame) -> None:
    """The gray is stored as 64 in the range 0-255 and as 71 in the range 16-235."""
    full = make_clip(
        tmp_path / "full.mp4",
        seconds=0.1,
        pattern="color=0x404040",
        filters="scale=out_range=full",
        pix_fmt="yuvj420p",
    )
    limited = make_clip(tmp_path / "limited.mp4", seconds=0.1, pattern="color=0x404040")
    for clip in (full, limited):
        assert is_close_to(center_pixel(first_frame(clip)), (0x40, 0x40, 0x40), tolerance=3)

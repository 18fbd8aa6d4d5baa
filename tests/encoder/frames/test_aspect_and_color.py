"""Whatever shape a clip has, it comes out upright, undistorted and in its own colors."""

from pathlib import Path

import pytest
from PIL import Image, ImageColor

from tests.encoder.conftest import Look, is_near
from tests.support.clips import QUADRANTS, ffmpeg, make_clip

pytestmark = pytest.mark.slow

CORNERS = ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9))


def colors_at_corners(image: Image.Image) -> list[str]:
    """Name the quadrant's color at the top left, top right, bottom left and bottom right."""
    return [name_of(image, x, y) for x, y in CORNERS]


def name_of(image: Image.Image, x: float, y: float) -> str:
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    names = [name for name in QUADRANTS if is_near(pixel, ImageColor.getrgb(name)[:3])]
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
def test_a_turned_clip_is_shown_upright(rotate: int, corners: list[str], tmp_path: Path, look: Look) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, picture="quadrants", rotate=rotate)
    assert colors_at_corners(look(clip)) == corners


def test_a_mirrored_clip_is_mirrored_back(tmp_path: Path, look: Look) -> None:
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.2, picture="quadrants")
    ffmpeg("-display_hflip", "-i", plain, "-c", "copy", tmp_path / "mirrored.mp4")
    assert colors_at_corners(look(tmp_path / "mirrored.mp4")) == ["lime", "red", "yellow", "blue"]


def test_a_clip_turned_and_mirrored_at_once_is_shown_upright(tmp_path: Path, look: Look) -> None:
    plain = make_clip(tmp_path / "plain.mp4", seconds=0.2, picture="quadrants")
    both = tmp_path / "both.mp4"
    ffmpeg("-display_rotation", "90", "-display_hflip", "-i", plain, "-c", "copy", both)
    corners = colors_at_corners(look(both))
    ffmpeg("-i", both, "-frames:v", "1", tmp_path / "reference.png")
    with Image.open(tmp_path / "reference.png") as reference:
        assert corners == colors_at_corners(reference.convert("RGB"))
    assert corners[0] in ("red", "yellow")  # a turn with a mirror swaps two corners and leaves two


@pytest.mark.parametrize("size", ["321x241", "1x1", "2x2000", "2000x2", "1280x720", "100x1000"])
def test_every_size_fills_the_frame(size: str, tmp_path: Path, look: Look) -> None:
    clip = make_clip(
        tmp_path / "c.mkv", seconds=0.2, size=size, picture="color=red", codec="ffv1", pix_fmt="yuv444p"
    )
    image = look(clip)
    assert image.size == (1280, 720)
    assert colors_at_corners(image) == ["red"] * 4


def test_anamorphic_pixels_become_square_before_the_crop(tmp_path: Path, look: Look) -> None:
    """640x480 with pixels 4:3 as wide as high is displayed 16:9: nothing may be cropped away."""
    edge = "drawbox=w=40:h=ih:color=red:t=fill,drawbox=x=iw-40:w=40:h=ih:color=lime:t=fill,setsar=4/3"
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, size="640x480", picture="color=black", filters=edge)
    image = look(clip)
    assert (name_of(image, 0.02, 0.5), name_of(image, 0.98, 0.5)) == ("red", "lime")


def test_the_middle_of_a_tall_clip_is_kept(tmp_path: Path, look: Look) -> None:
    bands = "drawbox=h=ih/4:color=red:t=fill,drawbox=y=3*ih/4:h=ih/4:color=red:t=fill"
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, size="360x640", picture="color=lime", filters=bands)
    assert colors_at_corners(look(clip)) == ["lime"] * 4


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
def test_every_codec_keeps_its_colors(
    suffix: str, codec: str, pix_fmt: str, tmp_path: Path, look: Look
) -> None:
    clip = make_clip(tmp_path / f"c.{suffix}", seconds=0.2, picture="quadrants", codec=codec, pix_fmt=pix_fmt)
    assert colors_at_corners(look(clip)) == UPRIGHT


@pytest.mark.parametrize(
    ("size", "matrix", "tag"),
    [
        ("640x360", "bt601", "unknown"),
        ("1280x720", "bt709", "unknown"),
        ("640x360", "bt709", "bt709"),
        ("1280x720", "bt601", "smpte170m"),
    ],
)
def test_an_untagged_clip_is_601_when_small_and_709_when_large(
    size: str, matrix: str, tag: str, tmp_path: Path, look: Look
) -> None:
    clip = make_clip(
        tmp_path / "c.mp4",
        seconds=0.1,
        size=size,
        picture="color=0x4080C0",
        filters=f"scale=out_color_matrix={matrix},format=yuv444p,setparams=colorspace={tag}",
        pix_fmt="yuv444p",
    )
    assert is_near(pixel_in_the_middle(look(clip)), (0x40, 0x80, 0xC0), tolerance=4)


def pixel_in_the_middle(image: Image.Image) -> tuple[int, ...]:
    pixel = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize(
    ("transfer", "level", "shown"),
    # As Chromium 156 draws these levels (docs/encoder.md): paper white, 203 nits, is half of the light.
    [
        *(("smpte2084", level, shown) for level, shown in ((0.38, 72), (0.58, 187), (0.733, 249))),
        *(("arib-std-b67", level, shown) for level, shown in ((0.38, 72), (0.75, 186), (0.933, 240))),
    ],
)
def test_hdr_grays_are_as_bright_as_in_chromium(
    transfer: str, level: float, shown: int, tmp_path: Path, look: Look
) -> None:
    gray = pixel_in_the_middle(look(hdr_clip(tmp_path / "c.mp4", transfer, level)))
    assert max(gray) - min(gray) <= 2
    assert gray[0] == pytest.approx(shown, abs=3)


def hdr_clip(path: Path, transfer: str, level: float) -> Path:
    luma = round(64 + level * 876)
    return make_clip(
        path,
        seconds=0.1,
        picture="color=black",
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
def test_transparent_places_show_the_dark_paper(
    suffix: str, codec: str, pix_fmt: str, tmp_path: Path, look: Look
) -> None:
    clip = make_clip(
        tmp_path / f"c.{suffix}",
        seconds=0.2,
        picture="color=red@0.0",
        filters="format=rgba,drawbox=w=iw/2:h=ih:color=lime@1.0:t=fill:replace=1",
        codec=codec,
        pix_fmt=pix_fmt,
    )
    image = look(clip)
    assert name_of(image, 0.1, 0.5) == "lime"
    assert is_near(image.getpixel((1200, 360)), (0x20, 0x21, 0x24), tolerance=6)  # type: ignore[arg-type]


def test_transparency_of_a_gif_shows_the_dark_paper(tmp_path: Path, look: Look) -> None:
    frame = Image.new("P", (64, 36), 0)
    frame.putpalette([255, 0, 0, 0, 255, 0])
    frame.paste(1, (0, 0, 32, 36))
    frame.save(tmp_path / "c.gif", transparency=0, save_all=True, append_images=[frame.copy()], duration=100)
    image = look(tmp_path / "c.gif")
    assert name_of(image, 0.1, 0.5) == "lime"
    assert is_near(image.getpixel((1200, 360)), (0x20, 0x21, 0x24), tolerance=6)  # type: ignore[arg-type]


def test_the_first_of_two_video_streams_is_taken_wherever_it_stands(tmp_path: Path, look: Look) -> None:
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "sine", "-f", "lavfi", "-i", "color=red:size=64x36"),
        *("-f", "lavfi", "-i", "color=lime:size=320x180", "-map", "0", "-map", "1", "-map", "2"),
        *("-t", "0.3", clip),
    )
    assert colors_at_corners(look(clip)) == ["red"] * 4


def test_cover_art_is_not_the_video(tmp_path: Path, look: Look) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=lime:size=64x36", "-frames:v", "1", tmp_path / "cover.png")
    red = make_clip(tmp_path / "red.mp4", seconds=0.3, picture="color=red")
    clip = tmp_path / "c.mp4"
    ffmpeg(
        *("-i", tmp_path / "cover.png", "-i", red, "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", clip),
    )
    assert colors_at_corners(look(clip)) == ["red"] * 4


def test_full_range_is_told_from_limited_range(tmp_path: Path, look: Look) -> None:
    """The same gray, stored as 64 of 0-255 and as 71 of 16-235, comes out the same."""
    full = make_clip(
        tmp_path / "full.mp4",
        seconds=0.1,
        picture="color=0x404040",
        filters="scale=out_range=full",
        pix_fmt="yuvj420p",
    )
    limited = make_clip(tmp_path / "limited.mp4", seconds=0.1, picture="color=0x404040")
    for clip in (full, limited):
        assert is_near(pixel_in_the_middle(look(clip)), (0x40, 0x40, 0x40), tolerance=3)

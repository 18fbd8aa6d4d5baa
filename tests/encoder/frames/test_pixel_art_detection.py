"""Pixel art is enlarged to squares, small camera videos are enlarged smoothly."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from chromi.encoder.frames import pixel_art_detection
from chromi.encoder.options import Framing, Scaling
from tests.encoder.conftest import FirstFrame
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow

_COLORS = ["#1a1c2c", "#5d275d", "#b13e53", "#ef7d57", "#ffcd75", "#38b764", "#257179", "#29366f", "#f4f4f4"]


def draw_scene(size: tuple[int, int], shift: int) -> Image.Image:
    """Draw a sky with stars, hills and a moving house in a few solid colors."""
    width, height = size
    image = Image.new("RGB", size, _COLORS[7])
    draw = ImageDraw.Draw(image)
    for number in range(width * height // 60):
        image.putpixel((number * 37 % width, number * 17 % (height // 2)), (244, 244, 244))
    for x in range(width):
        top = height // 2 + (x * 7 // 5) % 9 + (x // 11) % 5
        draw.line((x, top, x, height), fill=_COLORS[5 + (x // 6) % 2])
    left = (shift * 2) % width
    draw.rectangle(
        (left, height // 2, left + width // 8, height * 3 // 4), fill=_COLORS[2], outline=_COLORS[0]
    )
    draw.rectangle((left + 2, height // 2 + 3, left + 4, height // 2 + 6), fill=_COLORS[4])
    return image


def make_pixel_art(path: Path, size: tuple[int, int] = (80, 45), frame_count: int = 24) -> Path:
    frames = [draw_scene(size, number) for number in range(frame_count)]
    gif = path.with_suffix(".gif")
    frames[0].save(gif, save_all=True, append_images=frames[1:], duration=40, loop=0, disposal=1)
    if path.suffix != ".gif":
        codec = {".mkv": "ffv1", ".mov": "png"}[path.suffix]
        ffmpeg("-i", gif, "-c:v", codec, "-pix_fmt", "gbrp" if codec == "ffv1" else "rgb24", path)
    return path


def smooth_fraction(image: Image.Image) -> float:
    """Return the fraction of pixels whose gray lies between those of their left and right neighbors."""
    gray = image.convert("L")
    pixels = gray.load()
    soft = total = 0
    for y in range(0, gray.height, 7):
        for x in range(1, gray.width - 1):
            before, here, after = pixels[x - 1, y], pixels[x, y], pixels[x + 1, y]
            total += 1
            soft += min(before, after) + 4 < here < max(before, after) - 4
    return soft / total


@pytest.mark.parametrize("name", ["c.gif", "c.mkv", "c.mov"])
@pytest.mark.parametrize("size", [(64, 64), (160, 100)])
def test_pixel_art_is_enlarged_to_squares(
    name: str, size: tuple[int, int], tmp_path: Path, first_frame: FirstFrame
) -> None:
    image = first_frame(make_pixel_art(tmp_path / name, size))
    assert smooth_fraction(image) < 0.002


@pytest.mark.parametrize(("frame_count", "start_s"), [(1, 0), (10, 0), (24, 0.8)])
def test_pixel_art_of_less_than_half_a_second_is_enlarged_to_squares(
    frame_count: int, start_s: float, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_pixel_art(tmp_path / "c.gif", (64, 64), frame_count)
    assert smooth_fraction(first_frame(clip, start_s=start_s)) < 0.002


def test_clip_that_is_not_read_in_time_is_enlarged_smoothly(
    tmp_path: Path, first_frame: FirstFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_art_detection, "_TIMEOUT_S", 0.0)
    image = first_frame(make_pixel_art(tmp_path / "c.gif", (64, 64)))
    assert smooth_fraction(image) > 0.002


@pytest.mark.parametrize("framing", [Framing.FIT, Framing.BLUR])
def test_pixel_art_is_enlarged_to_squares_in_every_framing(
    framing: Framing, tmp_path: Path, first_frame: FirstFrame
) -> None:
    image = first_frame(make_pixel_art(tmp_path / "c.gif", (64, 64)), framing=framing)
    assert smooth_fraction(image.crop((300, 0, 980, 720))) < 0.002


def make_camera_gif(path: Path, colors: int, dither: str) -> Path:
    """Make a small GIF of noise over gradients, which resembles camera footage."""
    source = (
        "gradients=size=160x90:rate=12:duration=2:n=4:seed=7:speed=0.05,noise=alls=12:allf=t,"
        f"split[a][b];[a]palettegen=max_colors={colors}[p];[b][p]paletteuse=dither={dither}"
    )
    ffmpeg("-f", "lavfi", "-i", source, path)
    return path


@pytest.mark.parametrize("colors", [16, 64])
@pytest.mark.parametrize("dither", ["none", "bayer"])
def test_camera_gif_is_enlarged_smoothly(
    colors: int, dither: str, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_camera_gif(tmp_path / "c.gif", colors, dither)
    automatic, smooth = (first_frame(clip, scaling=scaling) for scaling in (Scaling.AUTO, Scaling.SMOOTH))
    assert automatic.tobytes() == smooth.tobytes()


def test_small_camera_video_is_enlarged_smoothly(tmp_path: Path, first_frame: FirstFrame) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.5, size="160x90")
    automatic, smooth = (first_frame(clip, scaling=scaling) for scaling in (Scaling.AUTO, Scaling.SMOOTH))
    assert automatic.tobytes() == smooth.tobytes()


def test_scaling_option_overrides_detection(tmp_path: Path, first_frame: FirstFrame) -> None:
    clip = make_pixel_art(tmp_path / "c.gif")
    assert smooth_fraction(first_frame(clip, scaling=Scaling.SMOOTH)) > 0.02
    small = make_clip(tmp_path / "c.mp4", seconds=0.5, size="160x90")
    assert smooth_fraction(first_frame(small, scaling=Scaling.PIXELATED)) < 0.002


def test_pixel_aspect_ratio_of_gif_is_ignored(tmp_path: Path, first_frame: FirstFrame) -> None:
    """Byte 12 of the header sets a pixel aspect ratio of 2:1, which browsers ignore."""
    clip = tmp_path / "c.gif"
    frames = [Image.new("RGB", (160, 90), "black") for _ in range(3)]
    for number, frame in enumerate(frames):
        ImageDraw.Draw(frame).ellipse((60 + number, 25, 100 + number, 65), fill="white")
    frames[0].save(clip, save_all=True, append_images=frames[1:], duration=100, loop=0)
    content = bytearray(clip.read_bytes())
    content[12] = round(2 * 64 - 15)
    clip.write_bytes(bytes(content))
    image = first_frame(clip).convert("L").point(lambda v: 255 * (v > 128))
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    assert (right - left) / (bottom - top) == pytest.approx(1, abs=0.03)

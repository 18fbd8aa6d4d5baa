"""A preview is a small MP4 that browsers play, with the timestamps of the clip."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder import make_preview, probe_video
from chromi.encoder.encoder_errors import TimedOut
from chromi.encoder.preview import MAX_PREVIEW_S
from chromi.errors import NotAVideo
from tests.encoder.frames.test_aspect_and_color import make_hdr_clip
from tests.support.clips import ffmpeg, make_clip

MakePreview = Callable[[Path], Path]

# Frame number n is plain gray with a luma of 20 + 2n.
COUNTING_FILTERS = "format=yuv420p,geq=lum=20+2*N:cb=128:cr=128,setparams=colorspace=bt709:range=tv"


@pytest.fixture
def make(tmp_path: Path) -> MakePreview:
    """Return a function that makes a preview and checks that nothing else is left."""

    def make(clip: Path) -> Path:
        preview = tmp_path / "out" / "preview.mp4"
        preview.parent.mkdir(exist_ok=True)
        make_preview(clip, preview)
        assert list(preview.parent.iterdir()) == [preview]
        return preview

    return make


def pixels(video: Path, x: float, y: float) -> list[tuple[int, int, int]]:
    """Return the color of one pixel of every frame; x and y are fractions of width and height."""
    raw = video.parent.with_suffix(".rgb")
    ffmpeg("-i", video, "-vf", f"crop=1:1:iw*{x}:ih*{y}:exact=1,format=rgb24", "-f", "rawvideo", raw)
    levels = raw.read_bytes()
    return [(levels[i], levels[i + 1], levels[i + 2]) for i in range(0, len(levels), 3)]


def read_lumas(video: Path) -> list[int]:
    """Return the luma, 16 to 235, of every frame."""
    return [round(16 + red * 219 / 255) for red, _, _ in pixels(video, 0.5, 0.5)]


def is_red(pixel: tuple[int, int, int]) -> bool:
    return pixel[0] > 200 and max(pixel[1:]) < 60


def test_preview_is_playable_in_browsers(tmp_path: Path, make: MakePreview) -> None:
    clip = make_clip(tmp_path / "c.mov", seconds=1, size="800x450", codec="mpeg4", audio=True)
    preview = make(clip)
    info = probe_video(preview)
    assert info.container == "mov"
    assert (info.codec, info.pixel_format, info.color_matrix) == ("h264", "yuv420p", "bt709")
    assert (info.width_px, info.height_px, info.fps) == (640, 360, 30)
    assert (info.first_frame_s, info.duration_s) == (0, pytest.approx(1, abs=0.001))
    contents = preview.read_bytes()
    assert contents.index(b"moov") < contents.index(b"mdat"), (
        "playback starts before the download is complete"
    )
    assert b"soun" not in contents


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "mkv"), ("libvpx-vp9", "webm")])
def test_times_count_from_the_first_frame_of_the_clip(
    codec: str, suffix: str, tmp_path: Path, make: MakePreview
) -> None:
    counting = make_clip(
        tmp_path / f"c.{suffix}", seconds=4, rate=24, size="64x36", pattern="color=black",
        filters=COUNTING_FILTERS, codec=codec,
    )  # fmt: skip
    late = tmp_path / f"late.{suffix}"
    ffmpeg("-i", counting, "-c", "copy", "-output_ts_offset", "3.7", late)
    for clip in (counting, late):
        preview = make(clip)
        assert probe_video(preview).first_frame_s == 0
        assert read_lumas(preview) == pytest.approx(range(20, 20 + 2 * 96, 2), abs=2)


@pytest.mark.slow
def test_slides_change_at_the_times_of_the_clip(tmp_path: Path, make: MakePreview) -> None:
    slides = [Image.new("L", (64, 36), gray) for gray in (40, 120, 200)]
    clip = tmp_path / "c.gif"
    slides[0].save(clip, save_all=True, append_images=slides[1:], duration=[1300, 2500, 1000], loop=0)
    reds = [red for red, _, _ in pixels(make(clip), 0.5, 0.5)]
    changes = [at / 30 for at in range(1, len(reds)) if abs(reds[at] - reds[at - 1]) > 40]
    assert changes == pytest.approx([1.3, 3.8], abs=0.02)
    assert len(reds) / 30 == pytest.approx(4.8, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [60, 120])
def test_clip_of_one_frame_has_a_preview(rate: int, tmp_path: Path, make: MakePreview) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=1 / rate, rate=rate, size="64x36", pattern="color=red")
    (frame,) = pixels(make(clip), 0.5, 0.5)
    assert is_red(frame)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "expected"), [(24, 24), (29.97, 29.97), (60, 30), (5, 30)])
def test_frame_rate_is_at_most_30(rate: float, expected: float, tmp_path: Path, make: MakePreview) -> None:
    info = probe_video(make(make_clip(tmp_path / "c.mp4", seconds=2, size="64x36", rate=rate)))
    assert info.fps == pytest.approx(expected, abs=0.01)
    assert info.duration_s == pytest.approx(2, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "expected"),
    [("321x241", (320, 240)), ("1x1", (2, 2)), ("2x2000", (2, 640)), ("1080x1920", (360, 640))],
)
def test_size_is_even_and_never_enlarged(
    size: str, expected: tuple[int, int], tmp_path: Path, make: MakePreview
) -> None:
    clip = make_clip(
        tmp_path / "c.mkv", seconds=0.2, size=size, codec="ffv1", pattern="color=red", pix_fmt="bgr0"
    )
    info = probe_video(make(clip))
    assert abs(info.width_px - expected[0]) <= 2
    assert info.height_px == expected[1]


@pytest.mark.slow
def test_preview_is_upright_with_square_pixels(tmp_path: Path, make: MakePreview) -> None:
    rotated = make_clip(tmp_path / "t.mp4", seconds=0.2, pattern="quadrants", rotate=-90)
    preview = make(rotated)
    assert (probe_video(preview).width_px, probe_video(preview).height_px) == (360, 640)
    assert is_red(pixels(preview, 0.9, 0.1)[0])
    wide = make_clip(tmp_path / "w.mp4", seconds=0.2, size="480x480", filters="setsar=4/3")
    info = probe_video(make(wide))
    assert (info.width_px, info.height_px) == (640, 480)


@pytest.mark.slow
def test_pixel_aspect_ratio_of_gif_is_ignored(tmp_path: Path, make: MakePreview) -> None:
    """Byte 12 of the header sets a pixel aspect ratio of 2:1."""
    Image.new("RGB", (64, 64), "red").save(tmp_path / "c.gif")
    content = bytearray((tmp_path / "c.gif").read_bytes())
    content[12] = round(2 * 64 - 15)
    (tmp_path / "c.gif").write_bytes(content)
    preview = make(tmp_path / "c.gif")
    assert all(is_red(pixels(preview, x, y)[0]) for x, y in ((0.5, 0.05), (0.5, 0.95), (0.05, 0.5)))


@pytest.mark.slow
def test_hdr_is_converted_to_sdr(tmp_path: Path, make: MakePreview) -> None:
    """Chromium displays 38% of the HLG signal, which is 18% gray, as 72."""
    clip = make_hdr_clip(tmp_path / "c.mp4", "arib-std-b67", 0.38)
    assert probe_video(clip).is_hdr
    preview = make(clip)
    assert not probe_video(preview).is_hdr
    assert pixels(preview, 0.5, 0.5)[0][0] == pytest.approx(72, abs=4)


@pytest.mark.slow
def test_transparent_pixels_get_the_background_color(tmp_path: Path, make: MakePreview) -> None:
    clip = make_clip(
        tmp_path / "c.webm", seconds=0.2, codec="libvpx-vp9", pix_fmt="yuva420p",
        pattern="color=white", filters="format=yuva420p,geq=lum=235:cb=128:cr=128:a=0",
    )  # fmt: skip
    assert pixels(make(clip), 0.5, 0.5)[0] == pytest.approx((0x20, 0x21, 0x24), abs=4)


@pytest.mark.slow
def test_color_of_transparent_pixels_is_invisible(tmp_path: Path, make: MakePreview) -> None:
    """Every second column is transparent; ffmpeg decodes it as white. The preview is half as wide."""
    stripes = Image.frombytes("P", (1280, 720), bytes([0, 1]) * (640 * 720))
    stripes.putpalette([255, 255, 255, 0, 0, 0])
    stripes.save(tmp_path / "c.gif", transparency=0)
    assert pixels(make(tmp_path / "c.gif"), 0.5, 0.5)[0] == pytest.approx((0x10, 0x10, 0x12), abs=4)


@pytest.mark.slow
def test_only_ten_minutes_are_encoded(tmp_path: Path, make: MakePreview) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=7200, size="32x18", rate=1 / 3600, pattern="color=black")
    assert probe_video(make(clip)).duration_s == pytest.approx(MAX_PREVIEW_S)


def test_failure_leaves_existing_file(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    preview = out / "preview.mp4"
    preview.write_text("existing file")

    def stop(fraction: float) -> None:
        if fraction > 0 or list(out.iterdir()) != [preview]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_preview(clip, preview, on_tick=stop)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(NotAVideo):
        make_preview(tmp_path / "text.mp4", preview)
    assert list(out.iterdir()) == [preview]
    assert preview.read_text() == "existing file"


@pytest.mark.slow
def test_encoding_stops_at_the_timeout(heavy_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(TimedOut):
        make_preview(heavy_clip, out / "preview.mp4", timeout_s=0.3)
    assert list(out.iterdir()) == []

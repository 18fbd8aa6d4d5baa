"""A preview is a small MP4 that browsers play, and its times are the clip's."""

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

Preview = Callable[[Path], Path]

# Frame number n is a plain gray of luma 20 + 2n.
COUNTING = "format=yuv420p,geq=lum=20+2*N:cb=128:cr=128,setparams=colorspace=bt709:range=tv"


@pytest.fixture
def preview(tmp_path: Path) -> Preview:
    def preview(clip: Path) -> Path:
        made = tmp_path / "out" / "preview.mp4"
        made.parent.mkdir(exist_ok=True)
        make_preview(clip, made)
        assert list(made.parent.iterdir()) == [made]
        return made

    return preview


def pixels(video: Path, x: float, y: float) -> list[tuple[int, int, int]]:
    """Return the color at one place, a share of width and height, of every frame."""
    raw = video.parent.with_suffix(".rgb")
    ffmpeg("-i", video, "-vf", f"crop=1:1:iw*{x}:ih*{y}:exact=1,format=rgb24", "-f", "rawvideo", raw)
    found = raw.read_bytes()
    return [(found[i], found[i + 1], found[i + 2]) for i in range(0, len(found), 3)]


def lumas(video: Path) -> list[int]:
    """Return the brightness, 16 to 235, of every frame."""
    return [round(16 + red * 219 / 255) for red, _, _ in pixels(video, 0.5, 0.5)]


def is_red(pixel: tuple[int, int, int]) -> bool:
    return pixel[0] > 200 and max(pixel[1:]) < 60


def test_a_clip_that_browsers_do_not_play_becomes_one_that_they_do(tmp_path: Path, preview: Preview) -> None:
    clip = make_clip(tmp_path / "c.mov", seconds=1, size="800x450", codec="mpeg4", audio=True)
    made = preview(clip)
    info = probe_video(made)
    assert info.container == "mov"
    assert (info.codec, info.pixel_format, info.color_matrix) == ("h264", "yuv420p", "bt709")
    assert (info.width_px, info.height_px, info.fps) == (640, 360, 30)
    assert (info.first_frame_s, info.duration_s) == (0, pytest.approx(1, abs=0.001))
    contents = made.read_bytes()
    assert contents.index(b"moov") < contents.index(b"mdat"), "it plays before all of it has come"
    assert b"soun" not in contents


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "suffix"), [("libx264", "mkv"), ("prores_ks", "mov"), ("libvpx-vp9", "webm")]
)
def test_times_are_the_clips_from_its_first_picture(
    codec: str, suffix: str, tmp_path: Path, preview: Preview
) -> None:
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    counting = make_clip(
        tmp_path / f"c.{suffix}", seconds=4, rate=24, size="64x36", pattern="color=black",
        filters=COUNTING, codec=codec, pix_fmt=pix_fmt,
    )  # fmt: skip
    late = tmp_path / f"late.{suffix}"
    ffmpeg("-i", counting, "-c", "copy", "-output_ts_offset", "3.7", late)
    for clip in (counting, late):
        made = preview(clip)
        assert probe_video(made).first_frame_s == 0
        assert lumas(made) == pytest.approx(range(20, 20 + 2 * 96, 2), abs=2)


@pytest.mark.slow
def test_a_slide_changes_when_it_does_in_the_clip(tmp_path: Path, preview: Preview) -> None:
    slides = [Image.new("L", (64, 36), gray) for gray in (40, 120, 200)]
    clip = tmp_path / "c.gif"
    slides[0].save(clip, save_all=True, append_images=slides[1:], duration=[1300, 2500, 1000], loop=0)
    reds = [red for red, _, _ in pixels(preview(clip), 0.5, 0.5)]
    changes = [at / 30 for at in range(1, len(reds)) if abs(reds[at] - reds[at - 1]) > 40]
    assert changes == pytest.approx([1.3, 3.8], abs=0.02)
    assert len(reds) / 30 == pytest.approx(4.8, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "expected"), [(24, 24), (25, 25), (29.97, 29.97), (50, 30), (60, 30), (5, 30)]
)
def test_it_has_at_most_30_frames_a_second(
    rate: float, expected: float, tmp_path: Path, preview: Preview
) -> None:
    info = probe_video(preview(make_clip(tmp_path / "c.mp4", seconds=2, size="64x36", rate=rate)))
    assert info.fps == pytest.approx(expected, abs=0.01)
    assert info.duration_s == pytest.approx(2, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "expected"),
    [("321x241", (320, 240)), ("1x1", (2, 2)), ("2x2000", (2, 640)), ("1080x1920", (360, 640))],
)
def test_every_size_becomes_even_and_is_not_enlarged(
    size: str, expected: tuple[int, int], tmp_path: Path, preview: Preview
) -> None:
    clip = make_clip(
        tmp_path / "c.mkv", seconds=0.2, size=size, codec="ffv1", pattern="color=red", pix_fmt="bgr0"
    )
    info = probe_video(preview(clip))
    assert abs(info.width_px - expected[0]) <= 2
    assert info.height_px == expected[1]


@pytest.mark.slow
def test_it_is_upright_with_square_pixels(tmp_path: Path, preview: Preview) -> None:
    turned = make_clip(tmp_path / "t.mp4", seconds=0.2, pattern="quadrants", rotate=-90)
    made = preview(turned)
    assert (probe_video(made).width_px, probe_video(made).height_px) == (360, 640)
    assert is_red(pixels(made, 0.9, 0.1)[0])
    wide = make_clip(tmp_path / "w.mp4", seconds=0.2, size="480x480", filters="setsar=4/3")
    info = probe_video(preview(wide))
    assert (info.width_px, info.height_px) == (640, 480)


@pytest.mark.slow
def test_hdr_is_brought_to_an_ordinary_screen(tmp_path: Path, preview: Preview) -> None:
    """Chromium shows 38 % of the HLG signal, which is gray of 18 %, as 72."""
    clip = make_hdr_clip(tmp_path / "c.mp4", "arib-std-b67", 0.38)
    assert probe_video(clip).is_hdr
    made = preview(clip)
    assert not probe_video(made).is_hdr
    assert pixels(made, 0.5, 0.5)[0][0] == pytest.approx(72, abs=4)


@pytest.mark.slow
def test_transparent_places_get_paper(tmp_path: Path, preview: Preview) -> None:
    clip = make_clip(
        tmp_path / "c.webm", seconds=0.2, codec="libvpx-vp9", pix_fmt="yuva420p",
        pattern="color=white", filters="format=yuva420p,geq=lum=235:cb=128:cr=128:a=0",
    )  # fmt: skip
    assert pixels(preview(clip), 0.5, 0.5)[0] == pytest.approx((0x20, 0x21, 0x24), abs=4)


@pytest.mark.slow
def test_of_pictures_an_hour_apart_ten_minutes_are_shown(tmp_path: Path, preview: Preview) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=7200, size="32x18", rate=1 / 3600, pattern="color=black")
    assert probe_video(preview(clip)).duration_s == pytest.approx(MAX_PREVIEW_S)


def test_a_failure_leaves_what_was_there(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    made = out / "preview.mp4"
    made.write_text("an older one")

    def stop(share: float) -> None:
        if share > 0 or list(out.iterdir()) != [made]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_preview(clip, made, on_tick=stop)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(NotAVideo):
        make_preview(tmp_path / "text.mp4", made)
    assert list(out.iterdir()) == [made]
    assert made.read_text() == "an older one"


@pytest.mark.slow
def test_it_ends_in_time(heavy_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(TimedOut):
        make_preview(heavy_clip, out / "preview.mp4", timeout_s=0.3)
    assert list(out.iterdir()) == []

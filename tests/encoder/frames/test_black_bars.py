"""Black bars are cropped only if they are certain."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chromi.encoder.encoder_errors import Cancelled
from chromi.encoder.frames import black_bars
from chromi.encoder.frames.black_bars import BarSampler, Content
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.options import CropBars, Framing
from chromi.encoder.source.probe import probe_video
from tests.encoder.conftest import Extract, FirstFrame, read_frame
from tests.support.clips import HLG_OPTIONS, ffmpeg, make_clip

pytestmark = pytest.mark.slow

SUBTITLE = "drawbox=x=iw/4:y=ih-30:w=iw/3:h=12:color=white:t=fill:enable='between(t,1,1.5)'"


def find(
    clip: Path,
    folder: Path,
    start_s: float = 0,
    window_s: float = 2,
    on_tick: Callable[[int], None] = lambda frames: None,
) -> Content | None:
    writer = FrameWriter(threads=1, timeout_s=60, max_bytes=10**8, on_tick=on_tick)
    info = probe_video(clip)
    window = (info.first_frame_s + start_s, window_s)
    sampler = BarSampler(clip, info, folder, writer)
    return sampler.find_content(*window, window[0] if start_s else None)


def bars_of(content: Content | None) -> tuple[int, int, int, int] | None:
    """Return the left, top, right and bottom bars in pixels."""
    if content is None:
        return None
    width, height = content.frame_px
    return content.x.start, content.y.start, width - content.x.stop, height - content.y.stop


def bars(left: int, top: int, right: int | None = None, bottom: int | None = None) -> str:
    """Return the filter that pads a frame of 640x360 without changing its size."""
    right, bottom = left if right is None else right, top if bottom is None else bottom
    size = f"{640 - left - right}:{360 - top - bottom}"
    return f"scale={size},format=yuv444p,pad=640:360:{left}:{top}"


@pytest.mark.parametrize(
    ("filters", "options", "expected"),
    [
        (bars(0, 46), {}, (0, 46, 0, 46)),
        (bars(80, 0), {}, (80, 0, 80, 0)),
        (bars(80, 46), {}, (80, 46, 80, 46)),
        (bars(219, 0), {}, (220, 0, 220, 0)),
        (bars(0, 45, 0, 47), {}, (0, 46, 0, 48)),
        (bars(0, 46), {"pix_fmt": "yuvj420p"}, (0, 46, 0, 46)),
        (bars(0, 46), {"pix_fmt": "gray"}, (0, 46, 0, 46)),
        (bars(0, 45), {"pix_fmt": "yuv444p"}, (0, 45, 0, 45)),
        (bars(0, 46), {"options": ("-crf", "35", "-preset", "veryfast")}, (0, 46, 0, 46)),
        (f"{bars(0, 46)},setsar=4/3", {}, (0, 46, 0, 46)),
        (bars(80, 0), {"rotate": -90}, (0, 80, 0, 80)),
        (
            f"format=yuv420p10le,{bars(0, 46)}",
            {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": HLG_OPTIONS},
            (0, 46, 0, 46),
        ),
        (f"fade=in:d=1,{bars(0, 46)}", {}, (0, 46, 0, 46)),
    ],
    ids=[
        *("letterbox", "pillarbox", "windowbox", "odd-pillarbox", "odd-letterbox", "full-range", "gray"),
        *("444", "coarse", "anamorphic", "rotated", "hdr", "fade"),
    ],
)
def test_bars_are_found(
    filters: str, options: dict[str, Any], expected: tuple[int, int, int, int], tmp_path: Path
) -> None:
    """Odd bars are rounded up to even pixels in 4:2:0, so that no dark line remains."""
    clip = make_clip(tmp_path / "c.mp4", seconds=2, rate=12, filters=filters, **options)
    found = bars_of(find(clip, tmp_path))
    assert found is not None
    assert all(0 <= bar - least <= 4 for bar, least in zip(found, expected, strict=True)), found


@pytest.mark.parametrize(
    ("pattern", "filters"),
    [
        ("testsrc2", "null"),
        ("color=black", "null"),
        ("color=black", "drawbox=x=mod(t*640\\,600):y=120:w=40:h=120:color=white:t=fill"),
        ("color=0x0a0a0a", "drawbox=x=250:y=100:w=140:h=160:color=white:t=fill"),
        ("color=0x0a0a0a", "noise=alls=6:allf=t,drawbox=x=160:y=90:w=320:h=180:color=white:t=fill"),
        ("testsrc2", "lutyuv=y='16+(val-16)/16':u='128+(val-128)/16':v='128+(val-128)/16'"),
        ("testsrc2", "fade=in:d=2"),
        ("testsrc2", "fade=in:st=1.9:d=2"),
        ("gradients=c0=black:c1=white:x0=0:y0=0:x1=0:y1=359:nb_colors=2", "null"),
        ("testsrc2", f"{bars(0, 46)},{SUBTITLE}"),
        ("testsrc2", f"{bars(0, 46)},drawbox=x=20:y=10:w=60:h=20:color=gray:t=fill"),
        ("testsrc2", f"{bars(0, 46)},negate=enable='gt(t,1.5)'"),
        ("testsrc2", bars(0, 0, 0, 60)),
    ],
    ids=[
        *("no-bars", "black", "moving-light", "lamp", "bright-box-in-dark-noise", "dark-scene", "fade"),
        *("dark-part-of-fade", "gradient", "subtitle", "logo", "bars-change", "one-bar"),
    ],
)
def test_uncertain_bars_are_not_cropped(pattern: str, filters: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=2, rate=12, pattern=pattern, filters=filters)
    assert bars_of(find(clip, tmp_path)) is None


def test_bars_outside_the_window_do_not_count(tmp_path: Path) -> None:
    filters = f"{bars(0, 46)},negate=enable='lt(t,1)'"
    clip = make_clip(tmp_path / "c.mp4", seconds=3, filters=filters, options=("-g", "300"))
    assert find(clip, tmp_path, start_s=1.1, window_s=1.5)
    assert find(clip, tmp_path, start_s=0.5, window_s=2) is None


def test_late_seek_does_not_hide_frames_without_bars(tmp_path: Path, extract: Extract) -> None:
    """Seeking into intra refresh yields the first frame only after the bars have begun."""
    refresh = ("-crf", "8", "-x264-params", "intra-refresh=1:keyint=48:bframes=0")
    filters = f"{bars(0, 46)},negate=enable='lt(t,3)'"
    clip = make_clip(tmp_path / "c.mp4", seconds=4, rate=24, filters=filters, options=refresh)
    frames = [
        read_frame(extract(clip, start_s=2.5, crop_bars=crop_bars), 20).tobytes() for crop_bars in CropBars
    ]
    assert frames[0] == frames[1]


def test_cancellation_ends_the_search(tmp_path: Path) -> None:
    def cancel(frames: int) -> None:
        raise Cancelled

    clip = make_clip(tmp_path / "c.mp4", seconds=1)
    with pytest.raises(Cancelled):
        find(clip, tmp_path, on_tick=cancel)


def test_extremely_long_sides_are_not_measured(tmp_path: Path) -> None:
    for size, expected in (("64x8192", (0, 96, 0, 96)), ("64x8200", None)):
        clip = make_clip(
            *(tmp_path / f"{size}.mov",),
            **{"seconds": 0.1, "rate": 10, "pattern": "color=gray", "size": size, "codec": "qtrle"},
            **{"pix_fmt": "rgb24", "filters": "drawbox=h=96:t=fill,drawbox=y=ih-96:h=96:t=fill"},
        )
        assert bars_of(find(clip, tmp_path)) == expected


def test_content_without_whole_chroma_samples_is_not_cropped(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.1, size="8x8")
    columns, rows = (black_bars._Side(content, 8, is_lit_across=True) for content in (range(8), range(3, 5)))
    assert black_bars._choose_content(columns, rows, probe_video(clip)) is None


def test_single_frame_suffices(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.1, rate=10, filters=bars(0, 46))
    assert find(clip, tmp_path)


def test_bars_of_pixel_art_are_cropped_to_the_pixel(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 36)) for _ in range(4)]
    for number, frame in enumerate(frames):
        frame.paste((200, 40 * number, 90), (0, 5, 64, 31))
    frames[0].save(tmp_path / "c.gif", save_all=True, append_images=frames[1:], duration=200)
    assert bars_of(find(tmp_path / "c.gif", tmp_path)) == (0, 5, 0, 5)


def test_transparent_bars_are_not_black(tmp_path: Path) -> None:
    for opacity, expected in ((0, None), (1, (0, 46, 0, 46))):
        box = f"h=46:color=black@{opacity}:t=fill:replace=1"
        filters = f"format=rgba,drawbox={box},drawbox=y=ih-46:{box}"
        clip = make_clip(
            *(tmp_path / f"{opacity}.mov",),
            **{"seconds": 1, "pattern": "testsrc", "filters": filters, "codec": "qtrle", "pix_fmt": "argb"},
        )
        assert bars_of(find(clip, tmp_path)) == expected


@pytest.mark.parametrize(
    ("sides", "framing"),
    [
        *(((0, 45), framing) for framing in Framing),
        *((sides, Framing.FILL) for sides in ((101, 0), (45, 45))),
    ],
)
def test_no_dark_line_remains(
    sides: tuple[int, int], framing: Framing, tmp_path: Path, first_frame: FirstFrame
) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=0.2, pattern="color=0xe0e0e0", filters=bars(*sides))
    options = {"framing": framing}
    cropped = first_frame(clip, crop_bars=CropBars.AUTO, **options).convert("L")
    darkest, _ = cropped.getextrema()
    assert darkest > (140 if framing is Framing.BLUR else 216)


def test_stream_that_changes_its_size_is_not_cropped(tmp_path: Path, extract: Extract) -> None:
    first = make_clip(tmp_path / "1.ts", seconds=1, filters=bars(0, 46))
    second = make_clip(tmp_path / "2.ts", seconds=1, size="320x240")
    (tmp_path / "both.ts").write_bytes(first.read_bytes() + second.read_bytes())
    ffmpeg("-i", tmp_path / "both.ts", "-c", "copy", tmp_path / "both.mkv")
    frames = [
        read_frame(extract(tmp_path / "both.mkv", duration_s=2, crop_bars=crop_bars), 12).tobytes()
        for crop_bars in CropBars
    ]
    assert frames[0] == frames[1]

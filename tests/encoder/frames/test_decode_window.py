"""A stream whose size, rotation or range changes is decoded to its end."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from chromi.encoder.encoder_errors import FrozenVideo
from chromi.encoder.frames.decode_window import WindowDecoder
from chromi.encoder.frames.frame_writer import FrameWriter
from chromi.encoder.options import ConversionOptions, Framing, Loop
from chromi.encoder.preview import make_preview
from chromi.encoder.source.probe import probe_video
from tests.encoder.conftest import COUNTING_FILTERS, Extract, read_frame, read_lumas
from tests.support.clips import ffmpeg, make_clip

pytestmark = pytest.mark.slow

_CODECS = {
    "h264": ("libx264", ("-qp", "0", "-bsf:v", "dump_extra")),
    "vp8": ("libvpx", ("-crf", "4", "-b:v", "2M")),
    "vp9": ("libvpx-vp9", ("-crf", "4", "-b:v", "2M")),
    "av1": ("libaom-av1", ("-crf", "8")),
}
_FIRST, _SECOND = 20, 100
"""The luma of each part's first frame."""


def make_part(
    folder: Path,
    name: str,
    first_luma: int,
    *,
    codec: str = "h264",
    size: str = "64x36",
    filters: str = "null",
    options: Sequence[str] = (),
) -> Path:
    """Make one second of frames whose luma counts up from `first_luma`."""
    encoder, quality = _CODECS[codec]
    return make_clip(
        folder / f"{name}.{'h264' if codec == 'h264' else 'webm' if codec != 'av1' else 'ivf'}",
        seconds=1,
        rate=24,
        size=size,
        pattern="color=black",
        filters=f"{COUNTING_FILTERS},lutyuv=y='val+{first_luma - 20}',{filters}",
        codec=encoder,
        options=(*quality, *options),
    )


def concatenate(folder: Path, *parts: Path, rate: int = 24) -> Path:
    """Concatenate parts without re-encoding them."""
    path = folder / "joined.mkv"
    if parts[0].suffix == ".h264":
        stream = folder / "joined.h264"
        stream.write_bytes(b"".join(part.read_bytes() for part in parts))
        ffmpeg("-r", str(rate), "-f", "h264", "-i", stream, "-c", "copy", path)
        return path
    list_path = folder / "list.txt"
    list_path.write_text("ffconcat version 1.0\n" + "".join(f"file {part.name}\n" for part in parts))
    ffmpeg("-f", "concat", "-i", list_path, "-c", "copy", path)
    return path


def count_up(luma: int, frames: int) -> list[int]:
    return list(range(luma, luma + frames))


@pytest.mark.parametrize(
    ("codec", "size"), [*((codec, "36x64") for codec in _CODECS), ("h264", "128x72"), ("h264", "48x48")]
)
def test_frames_after_size_change_are_shown(codec: str, size: str, tmp_path: Path, extract: Extract) -> None:
    clip = concatenate(
        tmp_path,
        make_part(tmp_path, "a", _FIRST, codec=codec),
        make_part(tmp_path, "b", _SECOND, codec=codec, size=size),
    )
    extracted = extract(clip, duration_s=2)
    assert read_lumas(extracted) == pytest.approx(count_up(_FIRST, 24) + count_up(_SECOND, 24), abs=2)
    assert read_lumas(extract(clip, start_s=0.5)) == pytest.approx(
        count_up(32, 12) + count_up(_SECOND, 12), abs=2
    )


@pytest.mark.parametrize("full_first", [False, True])
@pytest.mark.parametrize("matrix", ["bt709", "unknown"])
def test_frames_after_range_change_have_the_same_brightness(
    matrix: str, full_first: bool, tmp_path: Path, extract: Extract
) -> None:
    full = "scale=in_range=tv:out_range=pc,setparams=range=pc,format=yuvj420p"
    parts = [
        make_part(
            tmp_path,
            name,
            _FIRST,
            filters=f"{full if is_full else 'null'},setparams=colorspace={matrix}",
            options=("-bsf:v", f"dump_extra,h264_metadata=video_full_range_flag={int(is_full)}"),
        )
        for name, is_full in (("a", full_first), ("b", not full_first))
    ]
    clip = concatenate(tmp_path, *parts)
    shown = read_lumas(extract(clip, duration_s=2))
    assert shown == pytest.approx(count_up(_FIRST, 24) * 2, abs=2)
    shown = read_lumas(extract(clip, start_s=1))
    assert shown == pytest.approx(count_up(_FIRST, 24), abs=2), "without the change"


def test_frames_after_rotation_change_are_upright(tmp_path: Path, extract: Extract) -> None:
    """The second part is stored upside down and has the matching rotation."""
    white_top = "drawbox=x=0:y=0:w=iw:h=ih/2:color=white:thickness=fill"
    turned = ("-bsf:v", "dump_extra,h264_metadata=display_orientation=insert:rotate=180")
    clip = concatenate(
        tmp_path,
        make_part(tmp_path, "a", _FIRST, filters=white_top),
        make_part(tmp_path, "b", _SECOND, filters=f"{white_top},hflip,vflip", options=turned),
    )
    shown = read_lumas(extract(clip, duration_s=2))
    assert min(shown) > 200, "the white half is always on top"


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of counting frames whose size changes after one second."""
    folder = tmp_path_factory.mktemp("changing")
    return concatenate(folder, make_part(folder, "a", _FIRST), make_part(folder, "b", _SECOND, size="36x64"))


@pytest.fixture(scope="module")
def same_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames of `changing`, all of the same size."""
    return make_clip(
        tmp_path_factory.mktemp("same") / "same.mkv", seconds=2, rate=24, size="64x36",
        pattern="color=black", filters=f"{COUNTING_FILTERS},lutyuv=y='if(gte(val,44),val+56,val)'",
        options=("-qp", "0"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"framing": Framing.BLUR},
        {"framing": Framing.FIT},
        {"loop": Loop.BOOMERANG},
        {"loop": Loop.CROSSFADE},
        {"reverse": True},
        {"speed": 2.0},
        {"speed": 0.5},
    ],
    ids=str,
)
def test_no_option_drops_frames_of_changing_stream(
    options: dict[str, object], changing: Path, same_size: Path, extract: Extract
) -> None:
    middle = {"x": 64, "y": 36}
    assert read_lumas(extract(changing, duration_s=1.5, **options), **middle) == pytest.approx(
        read_lumas(extract(same_size, duration_s=1.5, **options), **middle), abs=2
    )


def test_part_with_other_aspect_ratio_is_not_distorted(tmp_path: Path, extract: Extract) -> None:
    """The second part is portrait with a white band in the middle, whose height shows the scale."""
    band = "drawbox=x=0:y=ih*0.4:w=iw:h=ih*0.2:color=white:thickness=fill"
    clip = concatenate(
        tmp_path,
        make_part(tmp_path, "a", _FIRST, size="64x36"),
        make_part(tmp_path, "b", _FIRST, size="90x160", filters=band),
    )
    last = read_frame(extract(clip, duration_s=2, width_px=1280, height_px=720), 47)
    column = [last.getpixel((640, y)) for y in range(720)]
    white_px = sum(pixel[0] > 128 for pixel in column)  # type: ignore[index]
    assert white_px == pytest.approx(1280 / 90 * 160 * 0.2, rel=0.05)


@pytest.mark.parametrize("framing", [Framing.FIT, Framing.BLUR])
@pytest.mark.parametrize("start_s", [0, 1])
def test_part_with_other_aspect_ratio_is_shown_whole(
    start_s: float, framing: Framing, tmp_path: Path, extract: Extract
) -> None:
    """The first part needs no padding. The second has a white line at its top, which must be visible."""
    line = "drawbox=x=0:y=0:w=iw:h=16:color=white:thickness=fill"
    clip = concatenate(
        tmp_path,
        make_part(tmp_path, "a", _FIRST, size="64x36"),
        make_part(tmp_path, "b", _FIRST, size="90x160", filters=line),
    )
    extracted = extract(clip, start_s, 2 - start_s, width_px=1280, height_px=720, framing=framing)
    assert read_frame(extracted, extracted.count - 1).getpixel((640, 20))[0] > 200  # type: ignore[index]


def test_noise_of_changing_stream_fits_the_size_limit(tmp_path: Path, extract: Extract) -> None:
    """Eight seconds before the window must be read: it starts between key frames and has 60 fps."""
    grain = "noise=alls=100:allf=t+u"
    parts = [
        make_clip(
            tmp_path / f"{size}.h264", seconds=seconds, rate=60, size=size, pattern="color=gray",
            filters=grain, pix_fmt="yuv444p", options=("-g", "1000", "-bsf:v", "dump_extra"),
        )
        for size, seconds in (("128x72", 8.5), ("128x96", 1.5))
    ]  # fmt: skip
    assert extract(concatenate(tmp_path, *parts, rate=60), start_s=8).count == 24


def test_background_adds_no_frames_to_a_clip_without_frame_rate(tmp_path: Path) -> None:
    """Recordings of browsers have times in milliseconds and no frame rate, so ffmpeg assumes 1000 fps."""
    jitter = "settb=1/1000,setpts='PTS+7*mod(2*N,5)'"
    encoding = ("-enc_time_base", "1:1000", "-fps_mode", "passthrough")
    sizes = {"a": "64x36", "b": "36x64"}
    parts = [
        make_part(tmp_path, name, _FIRST, codec="vp8", size=size, filters=jitter, options=encoding)
        for name, size in sizes.items()
    ]
    clip = concatenate(tmp_path, *parts)
    default_duration, void = rb"\x23\xe3\x83\x84.{4}", b"\xec\x86" + bytes(6)
    clip.write_bytes(re.sub(default_duration, void, clip.read_bytes(), flags=re.DOTALL))
    info = probe_video(clip)
    assert info.fps == 1000
    options = ConversionOptions(duration_s=2, framing=Framing.FIT, width_px=128, height_px=72)
    writer = FrameWriter(timeout_s=60, max_bytes=10**8, on_tick=lambda frames: None)
    decoded = WindowDecoder(clip, info, options, tmp_path, writer).decode(None)
    assert max(decoded.stored) < 48


def test_preview_continues_after_size_change(tmp_path: Path) -> None:
    clip = concatenate(
        tmp_path,
        make_part(tmp_path, "a", _FIRST, size="128x72"),
        make_part(tmp_path, "b", _SECOND, size="72x128"),
    )
    preview = tmp_path / "preview.mp4"
    make_preview(clip, preview)
    assert probe_video(preview).duration_s == pytest.approx(2, abs=0.05)
    raw = tmp_path / "raw"
    ffmpeg("-i", preview, "-vf", "crop=2:2,format=yuv420p", "-f", "rawvideo", raw)
    shown = list(raw.read_bytes()[::6])
    assert shown == sorted(shown)
    assert shown[0] == pytest.approx(_FIRST, abs=2)
    assert shown[-1] == pytest.approx(_SECOND + 23, abs=2)


def test_undecodable_section_raises_frozen_picture(tmp_path: Path, extract: Extract) -> None:
    """The first and last second are intact. The two in between contain only zeros."""
    whole = make_clip(tmp_path / "whole.ivf", seconds=4, size="64x36", codec="libvpx", options=("-g", "30"))
    blanked, damaged = tmp_path / "blanked.ivf", tmp_path / "damaged.mkv"
    blanked.write_bytes(blank_frames(whole.read_bytes(), range(30, 90)))
    ffmpeg("-i", blanked, "-c", "copy", damaged)
    assert extract(damaged, duration_s=1).count == 24
    with pytest.raises(FrozenVideo):
        extract(damaged, duration_s=4)


def blank_frames(ivf: bytes, numbers: range) -> bytes:
    """Fill frames of an IVF file with zeros. Its header has 32 bytes, each frame's header 12 bytes."""
    content, at, number = bytearray(ivf), 32, 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "little")
        if number in numbers:
            content[at + 12 : at + 12 + size] = bytes(size)
        at, number = at + 12 + size, number + 1
    return bytes(content)


def test_still_scene_does_not_raise_frozen_picture(tmp_path: Path, extract: Extract) -> None:
    """A recording of a still screen has frames that are seconds apart."""
    clip = make_clip(
        tmp_path / "c.mkv",
        seconds=9,
        size="64x36",
        rate=24,
        pattern="color=black",
        filters=f"{COUNTING_FILTERS},setpts='PTS+gte(N,12)*4/TB'",
        options=("-fps_mode", "vfr", "-qp", "0"),
    )
    assert read_lumas(extract(clip, duration_s=3)) == [*range(20, 32), *[31] * 60]

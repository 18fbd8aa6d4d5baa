"""Concatenation preserves every frame, pixel and exact delay, and rejects corrupt segments."""

from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.concat import EncodedSegment, concat_segments, get_delays_cs, read_frames
from chromi.encoder.render.render_settings import RenderSettings

SIZE_PX = (8, 6)


def write_gif(path: Path, levels: list[int], *, red: int = 0) -> Path:
    """Write a GIF with a plain frame for each gray level; `red` gives it another color table."""
    frames = [Image.new("P", SIZE_PX, level) for level in levels]
    for frame in frames:
        frame.putpalette([channel for level in range(256) for channel in (level ^ red, level, level)])
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=70, loop=3, comment=b"secret")
    return path


def read_gif(path: Path) -> tuple[list[tuple[int, ...]], list[int], dict[str, object]]:
    """Return the color and the delay of each frame, and the metadata."""
    with Image.open(path) as image:
        info = dict(image.info)
        frames = [
            (frame.convert("RGB").getpixel((3, 3)), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return [pixel for pixel, _ in frames], [delay for _, delay in frames], info  # type: ignore[misc]


def delays_of(frame_count: int) -> list[int]:
    """Return the delays of a GIF that shows every frame."""
    return get_delays_cs(range(frame_count), frame_count)


def test_frames_keep_their_order_and_color_tables(tmp_path: Path) -> None:
    segments = [
        EncodedSegment([write_gif(tmp_path / "a.gif", [10, 20])]),
        EncodedSegment([write_gif(tmp_path / "b.gif", [30, 40], red=0xFF)]),
    ]
    concat_segments(segments, tmp_path / "o.gif", delays_of(4))
    pixels, _, _ = read_gif(tmp_path / "o.gif")
    assert pixels == [(10, 10, 10), (20, 20, 20), (30 ^ 0xFF, 30, 30), (40 ^ 0xFF, 40, 40)]


def test_lead_frames_are_left_out(tmp_path: Path) -> None:
    segments = [
        EncodedSegment([write_gif(tmp_path / "a.gif", [10, 20])]),
        EncodedSegment([write_gif(tmp_path / "b.gif", [20, 30])], lead_frames=1),
    ]
    concat_segments(segments, tmp_path / "o.gif", delays_of(3))
    assert read_gif(tmp_path / "o.gif")[0] == [(10,) * 3, (20,) * 3, (30,) * 3]


def test_smallest_encoding_of_each_frame_is_used(tmp_path: Path) -> None:
    noisy = [Image.effect_noise(SIZE_PX, 99).convert("P") for _ in range(2)]
    plain = Image.new("P", SIZE_PX, 9)
    for name, frames in (("a.gif", [plain, noisy[0]]), ("b.gif", [noisy[1], plain])):
        for frame in frames:
            frame.putpalette([level for level in range(256) for _ in range(3)])
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], optimize=False)
    segment = EncodedSegment([tmp_path / "a.gif", tmp_path / "b.gif"])
    concat_segments([segment], tmp_path / "o.gif", delays_of(2))
    assert read_gif(tmp_path / "o.gif")[0] == [(9,) * 3, (9,) * 3]


def test_encodings_with_different_frame_counts_are_rejected(tmp_path: Path) -> None:
    paths = [write_gif(tmp_path / "a.gif", [1, 2, 3]), write_gif(tmp_path / "b.gif", [1, 2])]
    with pytest.raises(BrokenResult, match="same frames"):
        list(read_frames(EncodedSegment(paths)))


@pytest.mark.parametrize(
    ("count", "expected_ms"), [(3, 130), (6, 250), (15, 630), (24, 1000), (29, 1210), (144, 6000)]
)
def test_delays_sum_to_the_exact_duration(count: int, expected_ms: int, tmp_path: Path) -> None:
    segment = EncodedSegment([write_gif(tmp_path / "a.gif", [number % 250 for number in range(count)])])
    concat_segments([segment], tmp_path / "o.gif", delays_of(count))
    _, delays_ms, _ = read_gif(tmp_path / "o.gif")
    assert len(delays_ms) == count
    assert sum(delays_ms) == expected_ms
    assert set(delays_ms) <= {40, 50}


@pytest.mark.parametrize("fps", [12, 15, 18, 20])
def test_delays_at_lower_rates_sum_to_the_exact_duration(fps: int) -> None:
    shown = RenderSettings(fps=fps).kept_frames(144)
    delays_cs = get_delays_cs(shown, 144)
    assert len(delays_cs) == 6 * fps
    assert sum(delays_cs) == 600
    assert set(delays_cs) <= {4, 5, 8, 9}, "a frame is shown for as long as one or two frames of the clip"


@pytest.mark.parametrize("frame_count", [1, 3])
def test_wrong_number_of_frames_is_rejected(frame_count: int, tmp_path: Path) -> None:
    segment = EncodedSegment([write_gif(tmp_path / "a.gif", [1, 2])])
    with pytest.raises(BrokenResult, match=f"{frame_count} frames"):
        concat_segments([segment], tmp_path / "o.gif", delays_of(frame_count))


def test_frames_stay_as_background_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.new("P", SIZE_PX, number) for number in (1, 2)]
    for frame in frames:
        frame.putpalette([*range(256)] * 3)
    frames[0].save(path, save_all=True, append_images=frames[1:], disposal=2)
    concat_segments([EncodedSegment([path])], tmp_path / "o.gif", delays_of(2))
    with Image.open(tmp_path / "o.gif") as image:
        assert image.disposal_method == 1  # type: ignore[attr-defined]


def test_result_loops_endlessly_and_has_no_metadata(tmp_path: Path) -> None:
    segment = EncodedSegment([write_gif(tmp_path / "a.gif", [1, 2])])
    concat_segments([segment], tmp_path / "o.gif", delays_of(2))
    _, _, info = read_gif(tmp_path / "o.gif")
    assert info["loop"] == 0
    assert "comment" not in info
    assert b"secret" not in (tmp_path / "o.gif").read_bytes()


def test_frame_sizes_match_sizes_in_the_file(tmp_path: Path) -> None:
    path = write_gif(tmp_path / "a.gif", [1, 2, 3])
    frames = list(read_frames(EncodedSegment([path])))
    assert len(frames) == 3
    assert 0 < sum(frame.size_bytes for frame in frames) < path.stat().st_size


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_truncated_segment_is_rejected(share: float, tmp_path: Path) -> None:
    path = write_gif(tmp_path / "a.gif", [1, 2, 3])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BrokenResult):
        concat_segments([EncodedSegment([path])], tmp_path / "o.gif", delays_of(3))


def test_unknown_block_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + bytes(7) + b"\x99" * 20)
    with pytest.raises(BrokenResult, match="0x99"):
        list(read_frames(EncodedSegment([path])))

"""Parts become one GIF: every frame, every pixel, exact delays, and nothing of a broken part."""

from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.concat import Part, join_parts, read_frames

SIZE = (8, 6)


def write_part(path: Path, levels: list[int], *, red: int = 0) -> Path:
    """Write a GIF with a plain frame for each gray level, in a palette of its own if `red` is given."""
    frames = [Image.new("P", SIZE, level) for level in levels]
    for frame in frames:
        frame.putpalette([channel for level in range(256) for channel in (level ^ red, level, level)])
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=70, loop=3, comment=b"secret")
    return path


def read_pictures(path: Path) -> tuple[list[tuple[int, ...]], list[int], dict[str, object]]:
    with Image.open(path) as image:
        info = dict(image.info)
        shown = [
            (frame.convert("RGB").getpixel((3, 3)), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return [pixel for pixel, _ in shown], [delay for _, delay in shown], info  # type: ignore[misc]


def test_all_frames_come_in_their_order_with_their_own_colors(tmp_path: Path) -> None:
    parts = [
        Part([write_part(tmp_path / "a.gif", [10, 20])]),
        Part([write_part(tmp_path / "b.gif", [30, 40], red=0xFF)]),
    ]
    assert join_parts(parts, tmp_path / "o.gif", fps=24) == 4
    pixels, _, _ = read_pictures(tmp_path / "o.gif")
    assert pixels == [(10, 10, 10), (20, 20, 20), (30 ^ 0xFF, 30, 30), (40 ^ 0xFF, 40, 40)]


def test_what_only_sets_the_stage_is_left_out(tmp_path: Path) -> None:
    parts = [
        Part([write_part(tmp_path / "a.gif", [10, 20])]),
        Part([write_part(tmp_path / "b.gif", [20, 30])], skip=1),
    ]
    assert join_parts(parts, tmp_path / "o.gif", fps=24) == 3
    assert read_pictures(tmp_path / "o.gif")[0] == [(10,) * 3, (20,) * 3, (30,) * 3]


def test_of_each_frame_the_smaller_one_is_taken(tmp_path: Path) -> None:
    noisy = [Image.effect_noise(SIZE, 99).convert("P") for _ in range(2)]
    plain = Image.new("P", SIZE, 9)
    for name, frames in (("a.gif", [plain, noisy[0]]), ("b.gif", [noisy[1], plain])):
        for frame in frames:
            frame.putpalette([level for level in range(256) for _ in range(3)])
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], optimize=False)
    join_parts([Part([tmp_path / "a.gif", tmp_path / "b.gif"])], tmp_path / "o.gif", fps=24)
    assert read_pictures(tmp_path / "o.gif")[0] == [(9,) * 3, (9,) * 3]


def test_what_does_not_hold_the_same_frames_is_refused(tmp_path: Path) -> None:
    paths = [write_part(tmp_path / "a.gif", [1, 2, 3]), write_part(tmp_path / "b.gif", [1, 2])]
    with pytest.raises(BrokenResult, match="same frames"):
        read_frames(Part(paths))


@pytest.mark.parametrize(
    ("count", "expected_ms"), [(3, 130), (6, 250), (15, 630), (24, 1000), (29, 1210), (144, 6000)]
)
def test_delays_add_up_to_the_time_that_the_frames_last(count: int, expected_ms: int, tmp_path: Path) -> None:
    part = Part([write_part(tmp_path / "a.gif", [number % 250 for number in range(count)])])
    join_parts([part], tmp_path / "o.gif", fps=24)
    _, delays, _ = read_pictures(tmp_path / "o.gif")
    assert len(delays) == count
    assert sum(delays) == expected_ms
    assert set(delays) <= {40, 50}


def test_the_whole_is_endless_and_says_nothing_else(tmp_path: Path) -> None:
    join_parts([Part([write_part(tmp_path / "a.gif", [1, 2])])], tmp_path / "o.gif", fps=24)
    _, _, info = read_pictures(tmp_path / "o.gif")
    assert info["loop"] == 0
    assert "comment" not in info
    assert b"secret" not in (tmp_path / "o.gif").read_bytes()


def test_the_size_of_a_frame_is_what_it_takes_in_the_file(tmp_path: Path) -> None:
    path = write_part(tmp_path / "a.gif", [1, 2, 3])
    frames = read_frames(Part([path]))
    assert len(frames) == 3
    assert 0 < sum(frame.size_bytes for frame in frames) < path.stat().st_size


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_a_part_that_was_cut_is_refused(share: float, tmp_path: Path) -> None:
    path = write_part(tmp_path / "a.gif", [1, 2, 3])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BrokenResult):
        join_parts([Part([path])], tmp_path / "o.gif", fps=24)


def test_what_is_no_gif_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a" + bytes(7) + b"\x99" * 20)
    with pytest.raises(BrokenResult, match="0x99"):
        read_frames(Part([path]))

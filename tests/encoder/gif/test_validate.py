"""Validation rejects every GIF that violates the output contract."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.concat import EncodedSegment, concat_segments, get_delays_cs
from chromi.encoder.gif.validate import publish, validate_gif
from chromi.encoder.options import ConversionOptions

FRAMES = 6
DELAYS_MS = [40, 40, 50, 40, 40, 40]
WriteGif = Callable[..., Path]


@pytest.fixture
def write_gif(tmp_path: Path) -> WriteGif:
    """Return a function that writes a GIF which meets the contract except for its arguments."""

    def write_gif(
        *, size: tuple[int, int] = (1280, 720), delays_ms: list[int] = DELAYS_MS, **options: object
    ) -> Path:
        frames = [Image.new("P", size, number) for number in range(len(delays_ms))]
        for frame in frames:
            frame.putpalette([*range(256)] * 3)
        path = tmp_path / "o.gif"
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=delays_ms, **{"loop": 0, **options}
        )
        return path

    return write_gif


def validate(path: Path, frame_count: int = FRAMES) -> None:
    delays_cs = get_delays_cs(range(frame_count), frame_count)
    validate_gif(path, ConversionOptions(), delays_cs, on_tick=lambda frames: None)


def violations(path: Path, frame_count: int = FRAMES) -> str:
    with pytest.raises(BrokenResult) as caught:
        validate(path, frame_count)
    return caught.value.detail


def test_gif_that_meets_the_contract_passes(write_gif: WriteGif) -> None:
    validate(write_gif())


@pytest.mark.slow
@pytest.mark.parametrize("frame_count", range(1, 25))
def test_concatenated_gif_of_any_length_passes(frame_count: int, write_gif: WriteGif, tmp_path: Path) -> None:
    """Three frames last 12.5 cs: concatenation and validation must round the same."""
    segment = EncodedSegment([write_gif(delays_ms=[40] * frame_count)])
    delays_cs = get_delays_cs(range(frame_count), frame_count)
    concat_segments([segment], tmp_path / "concatenated.gif", delays_cs)
    validate(tmp_path / "concatenated.gif", frame_count)


def test_wrong_size_is_rejected(write_gif: WriteGif) -> None:
    assert "1280x720" in violations(write_gif(size=(640, 360)))


def test_missing_frame_is_rejected(write_gif: WriteGif) -> None:
    assert "7 frames" in violations(write_gif(), frame_count=7)


def test_wrong_duration_is_rejected(write_gif: WriteGif) -> None:
    assert "25 cs" in violations(write_gif(delays_ms=[40] * 6))


@pytest.mark.parametrize("delay_ms", [0, 10])
def test_delay_that_chrome_replaces_is_rejected(delay_ms: int, write_gif: WriteGif) -> None:
    assert "no delay under 2 cs" in violations(
        write_gif(delays_ms=[delay_ms, 250 - 4 * 40 - delay_ms, 40, 40, 40, 40])
    )


def test_finite_loop_is_rejected(write_gif: WriteGif) -> None:
    assert "an endless loop" in violations(write_gif(loop=3))
    assert "an endless loop" in violations(write_gif(loop=None))


def test_comment_is_rejected(write_gif: WriteGif) -> None:
    assert "no metadata" in violations(write_gif(comment=b"filmed at home"))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_truncated_file_is_rejected(share: float, write_gif: WriteGif) -> None:
    path = write_gif()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert violations(path)


def test_undecodable_frame_is_rejected(write_gif: WriteGif) -> None:
    path = write_gif()
    content = bytearray(path.read_bytes())
    image = content.index(b",\0\0\0\0")
    code_size = image + 10 + (3 * 256 if content[image + 9] & 0x80 else 0)
    content[code_size] = 40
    path.write_bytes(content)
    assert "cannot be decoded" in violations(path)


def test_png_is_rejected(tmp_path: Path) -> None:
    Image.new("RGB", (1280, 720)).save(tmp_path / "o.gif", format="PNG")
    assert violations(tmp_path / "o.gif")


def test_publish_replaces_existing_file(tmp_path: Path) -> None:
    partial_path, destination = tmp_path / "o.gif.partial", tmp_path / "o.gif"
    partial_path.write_bytes(b"new")
    destination.write_bytes(b"old")
    publish(partial_path, destination, on_tick=lambda: None)
    assert destination.read_bytes() == b"new"
    assert not partial_path.exists()

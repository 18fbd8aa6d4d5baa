"""Nothing is published that breaks the output contract."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.concat import Part, join_parts
from chromi.encoder.gif.validate import publish, validate_gif
from chromi.encoder.options import ConversionOptions

FRAMES = 6
DELAYS_MS = [40, 40, 50, 40, 40, 40]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(
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

    return write


def check(path: Path, frames: int = FRAMES) -> None:
    validate_gif(path, ConversionOptions(), frames, on_tick=lambda seen: None)


def broken(path: Path, frames: int = FRAMES) -> str:
    with pytest.raises(BrokenResult) as caught:
        check(path, frames)
    return caught.value.detail


def test_a_gif_that_keeps_every_promise_passes(write: Write) -> None:
    check(write())


@pytest.mark.parametrize("frames", range(1, 25))
def test_any_number_of_frames_is_as_long_as_it_is_written(frames: int, write: Write, tmp_path: Path) -> None:
    """Three last for 12.5 cs: those who write and those who check must round alike."""
    part = Part([write(delays_ms=[40] * frames)])
    join_parts([part], tmp_path / "join_messages.gif", fps=ConversionOptions.fps)
    check(tmp_path / "join_messages.gif", frames)


def test_another_size_is_refused(write: Write) -> None:
    assert "1280x720" in broken(write(size=(640, 360)))


def test_a_missing_frame_is_refused(write: Write) -> None:
    assert "7 frames" in broken(write(), frames=7)


def test_another_length_is_refused(write: Write) -> None:
    assert "25 cs" in broken(write(delays_ms=[40] * 6))


@pytest.mark.parametrize("delay_ms", [0, 10])
def test_a_delay_that_chrome_would_stretch_is_refused(delay_ms: int, write: Write) -> None:
    assert "no delay under 2 cs" in broken(
        write(delays_ms=[delay_ms, 250 - 4 * 40 - delay_ms, 40, 40, 40, 40])
    )


def test_a_gif_that_stops_is_refused(write: Write) -> None:
    assert "an endless loop" in broken(write(loop=3))
    assert "an endless loop" in broken(write(loop=None))


def test_a_comment_is_refused(write: Write) -> None:
    assert "no metadata" in broken(write(comment=b"filmed at home"))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_a_cut_file_is_refused(share: float, write: Write) -> None:
    path = write()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert broken(path)


def test_a_picture_that_cannot_be_decoded_is_refused(write: Write) -> None:
    path = write()
    content = bytearray(path.read_bytes())
    image = content.index(b",\0\0\0\0")
    code_size = image + 10 + (3 * 256 if content[image + 9] & 0x80 else 0)
    content[code_size] = 40
    path.write_bytes(content)
    assert "cannot be decoded" in broken(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (1280, 720)).save(tmp_path / "o.gif", format="PNG")
    assert broken(tmp_path / "o.gif")


def test_publishing_replaces_in_one_step(tmp_path: Path) -> None:
    partial, destination = tmp_path / "o.gif.partial", tmp_path / "o.gif"
    partial.write_bytes(b"new")
    destination.write_bytes(b"old")
    publish(partial, destination, on_tick=lambda: None)
    assert destination.read_bytes() == b"new"
    assert not partial.exists()

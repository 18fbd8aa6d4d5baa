"""The finished GIF: check it before anyone sees it, publish it, show its first frame."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path

from PIL import Image

from chromi.atomic_files import flush
from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.concat import begins_cs
from chromi.encoder.gif.parser import TRAILER, Frame, read_blocks, read_size_px, start_gif
from chromi.encoder.options import ConversionOptions
from chromi.encoder.process.parallel import run_parallel

MIN_DELAY_CS = 2  # Chrome plays 0 and 1 as 10
_DECODED_EVERY = 24
"""Decoding all frames takes as long as drawing a third of them, and finds nothing more."""


@dataclass(frozen=True)
class GifInfo:
    """What a finished GIF holds; `notes` is whatever it says besides its pictures."""

    size_px: tuple[int, int]
    delays_cs: tuple[int, ...]
    loop: int | None
    notes: tuple[str, ...]


def validate_gif(
    gif_path: Path, options: ConversionOptions, frames: int, *, on_tick: Callable[[int], None]
) -> GifInfo:
    """Walk every block and hold the file to the output contract; `on_tick` gets the frames seen so far.

    One frame of each second is decoded. Raises BrokenResult naming every promise that is broken.
    """
    facts = _read_gif(gif_path, on_tick)
    expected_cs = begins_cs(frames, options.fps)
    promises = {
        f"{frames} frames": len(facts.delays_cs) == frames,
        f"{options.width_px}x{options.height_px}": facts.size_px == (options.width_px, options.height_px),
        f"delays that sum to {expected_cs} cs": sum(facts.delays_cs) == expected_cs,
        f"no delay under {MIN_DELAY_CS} cs": min(facts.delays_cs, default=0) >= MIN_DELAY_CS,
        "an endless loop": facts.loop == 0,
        "no metadata": not facts.notes,
    }
    broken = [promise for promise, is_kept in promises.items() if not is_kept]
    if broken:
        raise BrokenResult(detail=f"wanted {', '.join(broken)}; got {facts}")
    return facts


def _read_gif(gif_path: Path, on_tick: Callable[[int], None]) -> GifInfo:
    delays_cs: list[int] = []
    loop: int | None = None
    notes: list[str] = []
    with _mapped(gif_path) as content:
        size_px = read_size_px(content)
        for block in read_blocks(content):
            if isinstance(block, Frame):
                if len(delays_cs) % _DECODED_EVERY == 0:
                    _decode(block, size_px)
                delays_cs.append(block.delay_cs)
                on_tick(len(delays_cs))
            elif block.loop is None:
                notes.append(block.name)
            else:
                loop = block.loop
    return GifInfo(size_px, tuple(delays_cs), loop, tuple(notes))


def _mapped(path: Path) -> mmap:
    """Give a file's bytes without holding them in memory."""
    with path.open("rb") as file:
        try:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
        except ValueError as error:
            raise BrokenResult(detail="the GIF is empty") from error


def _decode(frame: Frame, size_px: tuple[int, int]) -> None:
    """Have Pillow decode it in a GIF of its own."""
    alone = io.BytesIO(start_gif(size_px, frame.colors) + frame.to_bytes(frame.colors) + TRAILER)
    try:
        with Image.open(alone, formats=["GIF"]) as image:
            image.load()
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for damaged data
        raise BrokenResult(detail=f"a frame cannot be decoded: {error}") from error


def publish(partial: Path, destination: Path, *, on_tick: Callable[[], None]) -> None:
    """Give a finished file its final name in one step, on disk before anyone can see it.

    `on_tick` is called ten times a second, however slow the disk is; whatever it raises goes to the caller.
    """

    def write_and_rename(check: Callable[[], None]) -> None:
        with partial.open("rb") as file:
            flush(file, check)
        check()
        partial.replace(destination)
        folder = os.open(destination.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    run_parallel([write_and_rename], at_once=1, on_tick=on_tick)


def read_first_frame(gif_path: Path) -> bytes:
    """Return the first frame as a JPEG, a still to show before anyone takes the whole file."""
    still = io.BytesIO()
    with Image.open(gif_path, formats=["GIF"]) as image:
        image.convert("RGB").save(still, "JPEG", quality=80)
    return still.getvalue()


def copy_first_frame(gif_path: Path) -> bytes:
    """Return the first frame as a PNG, each pixel as it is: to look at closely."""
    still = io.BytesIO()
    with Image.open(gif_path, formats=["GIF"]) as image:
        image.save(still, "PNG")
    return still.getvalue()

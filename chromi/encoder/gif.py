"""The finished GIF: check it before anyone sees it, publish it, show its first frame."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import GifImagePlugin, Image, ImageSequence

from chromi.encoder.recipe import Recipe
from chromi.errors import BrokenResult

MIN_DELAY_CS = 2  # Chrome plays 0 and 1 as 10


# One palette serves all frames (but where gifsicle had to lose some), so they stay indexed: a third of the
# time that RGB takes. Pillow knows this setting only for the whole process; nothing else here reads GIFs.
GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY


@dataclass(frozen=True)
class GifFacts:
    """What a finished GIF holds; `notes` is whatever it says besides its pictures."""

    size_px: tuple[int, int]
    delays_cs: tuple[int, ...]
    loop: int | None
    notes: tuple[str, ...]


def check_gif(gif_path: Path, recipe: Recipe, frames: int, *, on_tick: Callable[[int], None]) -> GifFacts:
    """Decode every frame and hold the file to the output contract; `on_tick` gets the frames seen so far.

    Raises BrokenResult naming every promise that is broken.
    """
    facts = _read_gif(gif_path, on_tick)
    expected_cs = round(frames * 100 / recipe.fps)
    promises = {
        f"{frames} frames": len(facts.delays_cs) == frames,
        f"{recipe.width_px}x{recipe.height_px}": facts.size_px == (recipe.width_px, recipe.height_px),
        f"delays that sum to {expected_cs} cs": sum(facts.delays_cs) == expected_cs,
        f"no delay under {MIN_DELAY_CS} cs": min(facts.delays_cs) >= MIN_DELAY_CS,
        "an endless loop": facts.loop == 0,
        "no metadata": not facts.notes,
    }
    broken = [promise for promise, is_kept in promises.items() if not is_kept]
    if broken:
        raise BrokenResult(detail=f"wanted {', '.join(broken)}; got {facts}")
    return facts


def _read_gif(gif_path: Path, on_tick: Callable[[int], None]) -> GifFacts:
    delays_cs: list[int] = []
    notes: set[str] = set()
    try:
        with Image.open(gif_path, formats=["GIF"]) as image:
            size_px, loop = image.size, image.info.get("loop")
            for frame in ImageSequence.Iterator(image):
                frame.load()
                delays_cs.append(frame.info.get("duration", 0) // 10)
                notes.update(_notes(frame.info))
                on_tick(len(delays_cs))
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for a damaged file
        raise BrokenResult(detail=f"frame {len(delays_cs)}: {error}") from error
    return GifFacts(size_px, tuple(delays_cs), loop, tuple(sorted(notes)))


def _notes(info: Mapping[Any, Any]) -> Iterator[str]:
    if "comment" in info:
        yield "comment"
    name = info.get("extension", (b"",))[0]
    if name not in (b"", b"NETSCAPE2.0"):
        yield repr(name)


def publish(gif_path: Path, destination: Path) -> None:
    """Give the checked GIF its final name in one step, on disk before anyone can see it."""
    with gif_path.open("rb") as file:
        os.fsync(file.fileno())
    gif_path.replace(destination)
    folder = os.open(destination.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_first_frame(gif_path: Path) -> bytes:
    """Return the first frame as a JPEG, a still to show before anyone takes the whole file."""
    still = io.BytesIO()
    with Image.open(gif_path, formats=["GIF"]) as image:
        image.convert("RGB").save(still, "JPEG", quality=80)
    return still.getvalue()

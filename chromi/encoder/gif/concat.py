"""Join GIFs that were drawn in parts into one, block by block, without touching a pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.parser import (
    LOOP_FOREVER,
    SCREEN_BYTES,
    TRAILER,
    Frame,
    read_blocks,
    read_size_px,
    start_gif,
)


@dataclass(frozen=True)
class Part:
    """Frames in one GIF, or in several that show the same ones: of each frame the smallest is taken.

    The first `skip` of them only set the stage.
    """

    paths: Sequence[Path]
    skip: int = 0


def join_parts(parts: Sequence[Part], destination: Path, *, fps: int) -> int:
    """Write the frames of all `parts` to `destination` as one endless GIF; return how many there are.

    The delays are the whole centiseconds that stay closest to `fps` over the whole length (4, 4, 5, 4, 4, 4
    at 24), so that 144 frames last exactly 600. Raises BrokenResult if a part is no whole GIF.
    """
    count = 0
    with destination.open("wb") as file:
        for part in parts:
            frames = read_frames(part)
            if not count:
                common = frames[0].colors
                file.write(start_gif(_read_size_px(part.paths[0]), common) + LOOP_FOREVER)
            for frame in frames[part.skip :]:
                delay_cs = begins_cs(count + 1, fps) - begins_cs(count, fps)
                file.write(frame.lasting(delay_cs).to_bytes(common))
                count += 1
        file.write(TRAILER)
    return count


def begins_cs(frame: int, fps: int) -> int:
    """When `frame` begins, and those before it end. Whole numbers only: round() would take 12.5 for 12."""
    return (frame * 200 + fps) // (2 * fps)


def read_frames(part: Part) -> list[Frame]:
    """Return the frames of a part, each with the colors that apply to it. Raises BrokenResult."""
    try:
        alternatives = zip(*(_read_gif(path) for path in part.paths), strict=True)
        return [min(same, key=lambda frame: frame.size_bytes) for same in alternatives]
    except ValueError as error:
        raise BrokenResult(detail=f"{part.paths} do not hold the same frames") from error


def _read_size_px(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        return read_size_px(file.read(SCREEN_BYTES))


def _read_gif(path: Path) -> list[Frame]:
    return [block for block in read_blocks(path.read_bytes()) if isinstance(block, Frame)]

"""Concatenate the GIFs of several segments into one without decoding their images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.parser import (
    HEADER_BYTES,
    LOOP_FOREVER,
    TRAILER,
    Frame,
    read_blocks,
    read_size_px,
    write_header,
)


@dataclass(frozen=True)
class EncodedSegment:
    """One or more GIFs of the same frames. For each frame, the smallest encoding is used.

    The first `lead_frames` frames only provide the background for later frames and are left out.
    """

    paths: Sequence[Path]
    lead_frames: int = 0


def concat_segments(segments: Sequence[EncodedSegment], destination: Path, *, fps: int) -> int:
    """Write all segments' frames to `destination` as an endlessly looping GIF; return the number of frames.

    The delays are whole centiseconds (4, 4, 5, 4, 4, 4 at 24 fps) and never drift from `fps`: 144 frames last
    exactly 600. Raises BrokenResult if a segment is not a complete GIF.
    """
    frame_count = 0
    with destination.open("wb") as file:
        for segment in segments:
            frames = read_frames(segment)
            if not frame_count:
                global_color_table = frames[0].color_table
                size_px = _read_size_px(segment.paths[0])
                file.write(write_header(size_px, global_color_table) + LOOP_FOREVER)
            for frame in _set_delays(frames[segment.lead_frames :], frame_count, fps):
                file.write(frame.to_bytes(global_color_table))
                frame_count += 1
        file.write(TRAILER)
    return frame_count


def _set_delays(frames: Sequence[Frame], first: int, fps: int) -> Iterator[Frame]:
    """Yield the frames with their delays; `first` is the index of the first frame in the whole GIF."""
    for number, frame in enumerate(frames, first):
        yield frame.with_delay(start_time_cs(number + 1, fps) - start_time_cs(number, fps))


def start_time_cs(frame: int, fps: int) -> int:
    """Return the start time of frame `frame`. Uses integer arithmetic, because round() rounds 12.5 to 12."""
    return (frame * 200 + fps) // (2 * fps)


def read_frames(segment: EncodedSegment) -> list[Frame]:
    """Return the frames of a segment with their active color tables. Raises BrokenResult."""
    try:
        alternatives = zip(*(_read_gif(path) for path in segment.paths), strict=True)
        return [min(frames, key=lambda frame: frame.size_bytes) for frames in alternatives]
    except ValueError as error:
        raise BrokenResult(detail=f"{segment.paths} do not contain the same frames") from error


def _read_size_px(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        return read_size_px(file.read(HEADER_BYTES))


def _read_gif(path: Path) -> list[Frame]:
    return [block for block in read_blocks(path.read_bytes()) if isinstance(block, Frame)]

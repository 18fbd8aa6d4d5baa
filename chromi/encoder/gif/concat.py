"""Concatenate the GIFs of several segments into one without decoding their images."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path

from chromi.encoder.encoder_errors import BrokenResult
from chromi.encoder.gif.parser import LOOP_FOREVER, TRAILER, Frame, read_blocks, read_size_px, write_header
from chromi.encoder.process.ffmpeg import OUTPUT_FPS


@dataclass(frozen=True)
class EncodedSegment:
    """One or more GIFs of the same frames. For each frame, the smallest encoding is used.

    The first `lead_frames` frames only provide the background for later frames and are left out.
    """

    paths: Sequence[Path]
    lead_frames: int = 0


def concat_segments(segments: Sequence[EncodedSegment], destination: Path, delays_cs: Sequence[int]) -> None:
    """Write all segments' frames to `destination` as an endlessly looping GIF with these delays.

    Each frame is drawn over the previous one. One frame at a time is in memory. Raises BrokenResult if a
    segment is not a complete GIF or if the number of frames is not that of the delays.
    """
    frames = (
        frame for segment in segments for frame in islice(read_frames(segment), segment.lead_frames, None)
    )
    frame_count = 0
    with destination.open("wb") as file:
        for frame_count, (delay_cs, frame) in enumerate(zip(delays_cs, frames, strict=False), 1):
            if frame_count == 1:
                global_color_table = frame.color_table
                size_px = _read_size_px(segments[0].paths[0])
                file.write(write_header(size_px, global_color_table) + LOOP_FOREVER)
            file.write(frame.drawn_over_previous(delay_cs).to_bytes(global_color_table))
        file.write(TRAILER)
    if frame_count != len(delays_cs) or next(frames, None):
        raise BrokenResult(detail=f"the segments do not have {len(delays_cs)} frames")


def get_delays_cs(shown: Sequence[int], frame_count: int) -> list[int]:
    """Return how long each of the shown frames is displayed, given their numbers out of `frame_count`.

    At 24 fps, the delays are 4, 4, 5, 4, 4, 4 and so on. They never drift: 144 frames last exactly 600.
    """
    return [
        start_time_cs(following) - start_time_cs(number)
        for number, following in pairwise([*shown, frame_count])
    ]


def start_time_cs(frame: int) -> int:
    """Return the start time of frame `frame`. Uses integer arithmetic, because round() rounds 12.5 to 12."""
    return (frame * 200 + OUTPUT_FPS) // (2 * OUTPUT_FPS)


def read_frames(segment: EncodedSegment) -> Iterator[Frame]:
    """Yield the frames of a segment with their active color tables. Raises BrokenResult."""
    with ExitStack() as stack:
        encodings = [_read_gif(stack.enter_context(map_gif(path))) for path in segment.paths]
        try:
            for alternatives in zip(*encodings, strict=True):
                yield min(alternatives, key=lambda frame: frame.size_bytes)
        except ValueError as error:
            raise BrokenResult(detail=f"{segment.paths} do not contain the same frames") from error


def _read_size_px(path: Path) -> tuple[int, int]:
    with map_gif(path) as content:
        return read_size_px(content)


def _read_gif(content: mmap) -> Iterator[Frame]:
    return (block for block in read_blocks(content) if isinstance(block, Frame))


@contextmanager
def map_gif(path: Path) -> Iterator[mmap]:
    """Map a GIF into memory. Raises BrokenResult if the file is empty."""
    with path.open("rb") as file:
        try:
            content = mmap(file.fileno(), 0, access=ACCESS_READ)
        except ValueError as error:
            raise BrokenResult(detail="the GIF is empty") from error
    with content:
        yield content

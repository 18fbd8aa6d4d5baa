"""Determine which frames of the clip the GIF shows, and in which order.

Frames are identified by number; frame 0 is the first frame read from the clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chromi.encoder.options import ConversionOptions, Loop, Short

CROSSFADE_FRAMES = 12
"""Half a second, during which the end of the GIF fades into the frames before its start."""


@dataclass(frozen=True)
class FrameOrder:
    """The frames of the GIF. Each is a frame of the clip or a pair (from, to) to blend.

    Pairs come in groups of `fade_frames`. The weight of the second frame increases linearly within a group.
    """

    shown: tuple[int | tuple[int, int], ...]
    fade_frames: int = 0

    def map_to(self, stored: Sequence[int]) -> "FrameOrder":
        """Return the same order for frames stored elsewhere, where frame n of the clip is frame stored[n]."""
        return FrameOrder(
            tuple(
                stored[item] if isinstance(item, int) else (stored[item[0]], stored[item[1]])
                for item in self.shown
            ),
            self.fade_frames,
        )


def read_from_s(options: ConversionOptions) -> float:
    """Return the position in the clip where reading begins, in seconds.

    A crossfade needs the frames before the window, because they fade in at the end of the GIF. In reverse,
    the frames before the start of the GIF are those after the window.
    """
    if options.loop is not Loop.CROSSFADE or options.reverse:
        return options.start_s
    return max(0.0, options.start_s - CROSSFADE_FRAMES / options.fps * options.speed)


def frames_to_read(options: ConversionOptions) -> int:
    """Return how many frames of the clip a full-length GIF needs."""
    match options.loop:
        case Loop.CUT:
            return options.frames
        case Loop.CROSSFADE:
            return options.frames + CROSSFADE_FRAMES
        case Loop.BOOMERANG:
            return (options.frames + 1) // 2 + 1


def order_frames(count: int, options: ConversionOptions) -> FrameOrder:
    """Return the order in which `count` frames (1 to frames_to_read) are shown.

    The result has at most options.frames frames.
    """
    frames = list(range(count))
    if options.reverse:
        frames.reverse()
    match options.loop:
        case Loop.CUT:
            return FrameOrder(tuple(_fill(frames, options.frames, options.short)))
        case Loop.BOOMERANG:
            return FrameOrder(tuple(_boomerang(frames, options)))
        case Loop.CROSSFADE if options.short is Short.REPEAT:
            return _crossfade(frames, options.frames)
        case Loop.CROSSFADE:
            return _crossfade(_fill(frames, frames_to_read(options), options.short))


def _fill(frames: list[int], count: int, short: Short) -> list[int]:
    """Repeat the frames up to `count` according to `short`; never shorten them."""
    if short is Short.PLAY or len(frames) >= count:
        return frames
    once = _forward_and_back(frames) if short is Short.BOOMERANG else frames
    return (once * (count // len(once) + 1))[:count]


def _forward_and_back(frames: list[int]) -> list[int]:
    """Append the frames in reverse without the first and last, so that no frame is shown twice in a row."""
    return frames + frames[-2:0:-1]


def _boomerang(frames: list[int], options: ConversionOptions) -> list[int]:
    """Fill the forward half, then append it in reverse to make the loop seamless.

    Repeating a boomerang looks the same as going back and forth, so Short.REPEAT acts as Short.BOOMERANG.
    Forward and back is an even number of frames. If the target is odd, the last frame is dropped.
    """
    short = Short.PLAY if options.short is Short.PLAY else Short.BOOMERANG
    return _forward_and_back(_fill(frames, frames_to_read(options), short))[: options.frames]


def _crossfade(frames: list[int], count: int = 0) -> FrameOrder:
    """Fade the last frames into those before the first shown frame to make the loop seamless.

    A very short clip uses a third of its frames for the fade. If `count` is given, the clip is repeated up to
    that many frames. Each repetition has its own fade and about the same length. A clip that ends early is at
    least twice as long as its fade, so every repetition has room for a fade.
    """
    fade_frames = min(CROSSFADE_FRAMES, len(frames) // 3)
    lead_in, body = frames[:fade_frames], frames[fade_frames:]
    count = count or len(body)
    repetitions = -(-count // len(body))
    shown: list[int | tuple[int, int]] = []
    for index in range(repetitions):
        once = body[: count * (index + 1) // repetitions - count * index // repetitions]
        end = len(once) - fade_frames
        shown += [*once[:end], *zip(once[end:], lead_in, strict=True)]
    return FrameOrder(tuple(shown), fade_frames)

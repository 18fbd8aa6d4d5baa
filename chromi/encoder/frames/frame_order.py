"""Which frames of the clip the GIF shows, and in which order.

Frames are numbers here: 0 is the first that is read from the clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chromi.encoder.options import ConversionOptions, Loop, Short

FADE_FRAMES = 12
"""Half a second in which the end of the GIF becomes what comes before its beginning."""


@dataclass(frozen=True)
class FrameOrder:
    """The frames that are shown, each one of the clip's or a pair of which the first becomes the second.

    Pairs come in groups of `fade_frames`; over a group the share of the second grows evenly.
    """

    shown: tuple[int | tuple[int, int], ...]
    fade_frames: int = 0

    def through(self, stored: Sequence[int]) -> "FrameOrder":
        """Return the same order of frames that lie elsewhere: frame n of the clip is number stored[n]."""
        return FrameOrder(
            tuple(
                stored[item] if isinstance(item, int) else (stored[item[0]], stored[item[1]])
                for item in self.shown
            ),
            self.fade_frames,
        )


def read_from_s(options: ConversionOptions) -> float:
    """Return where in the clip reading begins: the frames before the window fade in at the GIF's end.

    Played in reverse, what comes before the GIF's beginning lies after the window.
    """
    if options.loop is not Loop.CROSSFADE or options.reverse:
        return options.start_s
    return max(0.0, options.start_s - FADE_FRAMES / options.fps * options.speed)


def frames_to_read(options: ConversionOptions) -> int:
    """Return how many frames of the clip the whole GIF needs."""
    match options.loop:
        case Loop.CUT:
            return options.frames
        case Loop.CROSSFADE:
            return options.frames + FADE_FRAMES
        case Loop.BOOMERANG:
            return (options.frames + 1) // 2 + 1


def order_frames(count: int, options: ConversionOptions) -> FrameOrder:
    """Return what is shown of `count` frames (1 to frames_to_read): options.frames at most."""
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


def _fill(frames: list[int], wanted: int, short: Short) -> list[int]:
    if short is Short.PLAY or len(frames) >= wanted:
        return frames
    once = _there_and_back(frames) if short is Short.BOOMERANG else frames
    return (once * (wanted // len(once) + 1))[:wanted]


def _there_and_back(frames: list[int]) -> list[int]:
    """Show no frame twice at either turn, also when it begins again."""
    return frames + frames[-2:0:-1]


def _boomerang(frames: list[int], options: ConversionOptions) -> list[int]:
    """Fill the half, so that the whole is seamless; repeating a boomerang is going back and forth again.

    There and back is an even number of frames. For an odd one the last step home takes two at once.
    """
    short = Short.PLAY if options.short is Short.PLAY else Short.BOOMERANG
    return _there_and_back(_fill(frames, frames_to_read(options), short))[: options.frames]


def _crossfade(frames: list[int], wanted: int = 0) -> FrameOrder:
    """Begin where the fade will have led to; of a very short clip a third is the fade.

    To show as many frames as are `wanted`, play them several times, each time with its fade, all about as
    long. A clip that ends early is at least twice its fade, so each time is long enough for it.
    """
    lead = min(FADE_FRAMES, len(frames) // 3)
    before, body = frames[:lead], frames[lead:]
    wanted = wanted or len(body)
    times = -(-wanted // len(body))
    shown: list[int | tuple[int, int]] = []
    for time in range(times):
        once = body[: wanted * (time + 1) // times - wanted * time // times]
        end = len(once) - lead
        shown += [*once[:end], *zip(once[end:], before, strict=True)]
    return FrameOrder(tuple(shown), lead)

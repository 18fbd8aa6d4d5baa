"""How a GIF is rendered, and the frames that are rendered."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chromi.encoder.frames.color_filters import BT709_TO_BGRA
from chromi.encoder.frames.thumbnails import Thumbnails
from chromi.encoder.process.ffmpeg import OUTPUT_FPS

UNCHANGED_PIXELS = TRANSPARENT, OPAQUE = "clear", "opaque"
"""The encodings of pixels that do not change between frames: transparent, or in their own color. Opaque is up
to a fifth smaller for grain, transparent is two thirds smaller for a static background. The values are part
of a result's JSON."""


@dataclass(frozen=True)
class RenderSettings:
    """How the extracted frames are encoded as a GIF.

    `colors` is 2 to 256, including one transparent color. With `local_palettes`, each frame has its own
    palette and redraws only pixels that differ by more than `threshold` levels; otherwise all frames share a
    palette and `unchanged_pixels` holds the encodings to try, of which the smallest is used for each frame.
    `dither` is a weak ordered dither, only with `local_palettes`. `lossy` is gifsicle's option, 0 to 200.
    `denoise` is hqdn3d's temporal luma strength, 0 for none. `fps` is the number of frames per second, 12
    to 24.
    """

    colors: int = 256
    local_palettes: bool = False
    threshold: int = 0
    dither: bool = False
    lossy: int = 0
    denoise: int = 0
    fps: int = OUTPUT_FPS
    unchanged_pixels: tuple[str, ...] = UNCHANGED_PIXELS

    def filters(self, first: int) -> str:
        """Return the filters that a store's frames from number `first` on pass, which return bgra.

        `first` must be one of `kept_frames`.
        """
        chain = [f"settb=1/{OUTPUT_FPS},setpts=N"]
        if self.fps < OUTPUT_FPS:
            slots = (f"floor((n+{first}-{before})*{self.fps}/{OUTPUT_FPS})" for before in (0, 1))
            chain.append(f"select='eq(n,0)+gt({','.join(slots)})',setpts=N")
        if self.denoise:
            chain.append(f"hqdn3d={self.denoise / 2}:{self.denoise / 2}:{self.denoise}:{self.denoise}")
        return ",".join([*chain, BT709_TO_BGRA])

    def kept_frames(self, frame_count: int) -> Sequence[int]:
        """Return the numbers of the frames that are shown: the first one in each interval of `fps`."""
        kept_count = (frame_count - 1) * self.fps // OUTPUT_FPS + 1
        return [-(-number * OUTPUT_FPS // self.fps) for number in range(kept_count)]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by the names used in JSON."""
        values = asdict(self)
        values["kinds"] = values.pop("unchanged_pixels")
        return values


@dataclass(frozen=True)
class FrameStore:
    """The frames to render: `frame_count` frames in a NUT file, and their thumbnails.

    `work_dir` is for intermediate files. Palettes stay there and are reused by later renderings.

    With a palette per frame, the `undrawn` frames are not in the GIF; they only show which pixels keep their
    color. The frame after them is drawn completely.
    """

    frames_path: Path
    frame_count: int
    size_px: tuple[int, int]
    thumbnails: Thumbnails
    work_dir: Path
    undrawn: Collection[int] = ()

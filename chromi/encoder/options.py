"""Options of a conversion: the part of the clip, framing, looping, and the quality of the GIF."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

from chromi.encoder.option_parser import OptionParser, format_value
from chromi.encoder.process.ffmpeg import OUTPUT_FPS
from chromi.encoder.source.video_info import VideoInfo
from chromi.encoder.timecode import format_timecode
from chromi.errors import BadOptions
from chromi.i18n import Message

MIN_DURATION_S = 1.0
MAX_DURATION_S = 10.0
MAX_START_S = 100 * 3600 - 1.0
MIN_MB, MAX_MB = 0.1, 500.0
MIN_SPEED, MAX_SPEED = 0.5, 2.0
ZOOM_RANGE, BLUR_RANGE_PX = (1, 3), (0, 20)
BRIGHTNESS_RANGE, SATURATION_RANGE, DARKEN_RANGE = (50, 150), (0, 200), (0, 60)  # in percent

OPTIONS = (
    *("start_time", "duration", "quality", "max_mb", "motion", "framing", "focus"),
    *("pad", "size", "scaling", "loop", "speed", "reverse", "short"),
    *("zoom", "crop_bars", "blur", "brightness", "saturation", "darken"),
)
"""The name of each option in a form and in JSON."""

SIZES = {"1280x720": (1280, 720), "1920x1080": (1920, 1080)}
"""Width and height in pixels by the text of the option `size`."""

AUTO = "auto"

FEW_COLORS = 64
"""The number of colors that is enough for footage to keep its colors. Fewer are mentioned with the result."""

_FRAME_CACHE_VERSION = 4
"""Increment it when the content of cached frame files changes, so that existing files are not reused."""


class Quality(StrEnum):
    """The balance between image quality and file size."""

    SMALL = "small"
    BALANCED = "balanced"
    BEST = "best"


class Motion(StrEnum):
    """What to give up first when the GIF would be too large."""

    AUTO = "auto"  # frames per second before the colors get too few
    SMOOTH = "smooth"  # colors
    COLOR = "color"  # frames per second


class Framing(StrEnum):
    """How a frame with another aspect ratio is placed in 16:9."""

    FILL = "fill"  # cropped around the focus
    FIT = "fit"  # whole, on a plain color
    BLUR = "blur"  # whole, on a blurred copy of itself


class Loop(StrEnum):
    """The transition from the end of the GIF to its start."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    BOOMERANG = "boomerang"


class Short(StrEnum):
    """How to fill the GIF if the clip ends before the window does."""

    PLAY = "play"  # do not fill it: the GIF is shorter
    BOOMERANG = "boomerang"  # play back and forth
    REPEAT = "repeat"  # play from the start again


class Scaling(StrEnum):
    """How frames are enlarged."""

    AUTO = "auto"  # pixelated for pixel art, smooth for everything else
    SMOOTH = "smooth"
    PIXELATED = "pixelated"  # each pixel stays a square, as with CSS `image-rendering: pixelated`


class CropBars(StrEnum):
    """Whether black bars around the content are cropped."""

    AUTO = "auto"  # if they are detected with certainty
    OFF = "off"


@dataclass(frozen=True)
class ConversionOptions:
    """A window of the clip and how it becomes a GIF.

    `start_s` counts from the first frame of the clip. `duration_s` is the length of the GIF; the window is
    `speed` times as long. `focus` is a point of the frame, x and y from 0 to 1. `pad` is "auto" or "#rrggbb".
    `max_mb` is in units of 1,000,000 bytes.

    `zoom` enlarges the frame around `focus`. `blur_px` is the standard deviation of a Gaussian blur in
    pixels of the GIF. `brightness_percent` and `saturation_percent` are 100 for no change.
    `darken_percent` is the opacity of a black layer.
    """

    fps: ClassVar[int] = OUTPUT_FPS

    start_s: float = 0.0
    duration_s: float = 6.0
    quality: Quality = Quality.BALANCED
    max_mb: float | None = None
    motion: Motion = Motion.AUTO
    framing: Framing = Framing.FILL
    focus: tuple[float, float] = (0.5, 0.5)
    pad: str = AUTO
    width_px: int = 1280
    height_px: int = 720
    loop: Loop = Loop.CUT
    speed: float = 1.0
    reverse: bool = False
    short: Short = Short.PLAY
    scaling: Scaling = Scaling.AUTO
    zoom: float = 1.0
    crop_bars: CropBars = CropBars.OFF
    blur_px: float = 0.0
    brightness_percent: float = 100.0
    saturation_percent: float = 100.0
    darken_percent: float = 0.0

    @property
    def frames(self) -> int:
        """The number of frames in the GIF if the clip is long enough."""
        return round(self.fps * self.duration_s)

    @property
    def window_s(self) -> float:
        """The length of the part of the clip that the GIF shows, without what a crossfade adds before it."""
        return self.duration_s * self.speed / (2 if self.loop is Loop.BOOMERANG else 1)

    @classmethod
    def parse(cls, **text_by_name: str) -> "ConversionOptions":
        """Parse the OPTIONS from user input; an empty or missing option gets its default.

        Raises BadOptions, which names every invalid option.
        """
        parser = OptionParser(text_by_name, OPTIONS)
        width_px, height_px = parser.parse_size("size", (cls.width_px, cls.height_px), SIZES)
        options = cls(
            start_s=parser.parse_seconds("start_time", cls.start_s, 0, MAX_START_S),
            duration_s=parser.parse_seconds("duration", cls.duration_s, MIN_DURATION_S, MAX_DURATION_S),
            quality=parser.parse_choice("quality", cls.quality),
            max_mb=parser.parse_optional_number("max_mb", MIN_MB, MAX_MB),
            motion=parser.parse_choice("motion", cls.motion),
            framing=parser.parse_choice("framing", cls.framing),
            focus=parser.parse_point("focus", cls.focus),
            pad=parser.parse_color("pad", AUTO),
            width_px=width_px,
            height_px=height_px,
            loop=parser.parse_choice("loop", cls.loop),
            speed=parser.parse_number("speed", cls.speed, MIN_SPEED, MAX_SPEED),
            reverse=parser.parse_bool("reverse"),
            short=parser.parse_choice("short", cls.short),
            scaling=parser.parse_choice("scaling", cls.scaling),
            zoom=parser.parse_number("zoom", cls.zoom, *ZOOM_RANGE),
            crop_bars=parser.parse_choice("crop_bars", cls.crop_bars),
            blur_px=parser.parse_number("blur", cls.blur_px, *BLUR_RANGE_PX),
            brightness_percent=parser.parse_number("brightness", cls.brightness_percent, *BRIGHTNESS_RANGE),
            saturation_percent=parser.parse_number("saturation", cls.saturation_percent, *SATURATION_RANGE),
            darken_percent=parser.parse_number("darken", cls.darken_percent, *DARKEN_RANGE),
        )
        parser.check()
        return options

    def to_options(self) -> dict[str, str | float | bool | None]:
        """Return the OPTIONS by name, with the values used in JSON."""
        return {
            "start_time": format_timecode(self.start_s),
            "duration": self.duration_s,
            "quality": self.quality,
            "max_mb": self.max_mb,
            "motion": self.motion,
            "framing": self.framing,
            "focus": f"{self.focus[0]:g},{self.focus[1]:g}",
            "pad": self.pad,
            "size": f"{self.width_px}x{self.height_px}",
            "scaling": self.scaling,
            "loop": self.loop,
            "speed": self.speed,
            "reverse": self.reverse,
            "short": self.short,
            "zoom": self.zoom,
            "crop_bars": self.crop_bars,
            "blur": self.blur_px,
            "brightness": self.brightness_percent,
            "saturation": self.saturation_percent,
            "darken": self.darken_percent,
        }

    def to_form(self) -> dict[str, str]:
        """Return the OPTIONS by name as text that `parse` accepts."""
        return {name: format_value(value) for name, value in self.to_options().items()}

    def check_against(self, info: VideoInfo) -> None:
        """Raise BadOptions if the window starts after the end of the clip."""
        if self.start_s >= info.duration_s:
            raise BadOptions(
                Message(
                    "start_time is %(start)s, but the video is only %(length)s long.",
                    start=format_timecode(self.start_s),
                    length=format_timecode(info.duration_s),
                )
            )

    def frame_cache_key(self) -> str:
        """Return 16 hex digits that identify the extracted frames of a clip.

        `quality`, `max_mb` and `motion` do not change the key: they have no effect on frame extraction.
        """
        irrelevant = ("quality", "max_mb", "motion")
        values = {name: value for name, value in asdict(self).items() if name not in irrelevant}
        values["format"] = _FRAME_CACHE_VERSION
        for name, value in values.items():
            if isinstance(getattr(type(self), name, None), float):
                values[name] = float(value)  # 6 and 6.0 must produce the same key
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, serializable as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ConversionOptions":
        """Return the options that `to_dict` serialized."""
        types = {
            "quality": Quality,
            "motion": Motion,
            "framing": Framing,
            "focus": tuple,
            "loop": Loop,
            "short": Short,
            "scaling": Scaling,
            "crop_bars": CropBars,
        }
        return cls(**{name: types[name](value) if name in types else value for name, value in values.items()})

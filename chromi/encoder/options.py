"""What is wanted: which part of the clip, how it is framed, how it loops, and how good it must be."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from chromi.encoder.option_parser import AUTO, Framing, Loop, OptionReader, Quality, Scaling, Short
from chromi.encoder.process.ffmpeg import OUTPUT_FPS
from chromi.encoder.source.probe import VideoInfo
from chromi.encoder.timecode import format_timecode
from chromi.errors import BadOptions
from chromi.i18n import Message

MIN_DURATION_S = 1.0
MAX_DURATION_S = 10.0
MAX_START_S = 100 * 3600 - 1.0
MIN_MB, MAX_MB = 0.1, 500.0
MIN_SPEED, MAX_SPEED = 0.5, 2.0

_KEPT_FORMAT = 3
"""Counts up whenever files of kept frames change: none that an older version left is taken."""


@dataclass(frozen=True)
class ConversionOptions:
    """A window of the clip and how it becomes a background.

    `start_s` counts from the clip's first picture. `duration_s` is the length of the GIF: at another `speed`
    the window is that many times as long. `focus` is a point of the picture, x and y from 0 to 1, and `pad`
    is "auto" or "#rrggbb". A MB has 1,000,000 bytes. Rows may hold recipes of an older version, which had
    fewer fields: each needs a default that means what was done before there was a choice.
    """

    fps: ClassVar[int] = OUTPUT_FPS

    start_s: float = 0.0
    duration_s: float = 6.0
    quality: Quality = Quality.BALANCED
    max_mb: float | None = None
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

    @property
    def frames(self) -> int:
        """How many frames the GIF has if the clip is long enough."""
        return round(self.fps * self.duration_s)

    @classmethod
    def parse(cls, **typed: str) -> "ConversionOptions":
        """Read the OPTIONS as a person typed them; an empty or missing one takes its default.

        Raises BadOptions naming every option that is wrong.
        """
        read = OptionReader(typed)
        width_px, height_px = read.size("size", (cls.width_px, cls.height_px))
        options = cls(
            start_s=read.seconds("start_time", cls.start_s, 0, MAX_START_S),
            duration_s=read.seconds("duration", cls.duration_s, MIN_DURATION_S, MAX_DURATION_S),
            quality=read.choice("quality", cls.quality),
            max_mb=read.number_or_none("max_mb", MIN_MB, MAX_MB),
            framing=read.choice("framing", cls.framing),
            focus=read.point("focus", cls.focus),
            pad=read.color("pad"),
            width_px=width_px,
            height_px=height_px,
            loop=read.choice("loop", cls.loop),
            speed=read.number("speed", cls.speed, MIN_SPEED, MAX_SPEED),
            reverse=read.switch("reverse"),
            short=read.choice("short", cls.short),
            scaling=read.choice("scaling", cls.scaling),
        )
        read.check()
        return options

    def to_options(self) -> dict[str, str | float | bool | None]:
        """Return the OPTIONS by name, as JSON has them."""
        return {
            "start_time": format_timecode(self.start_s),
            "duration": self.duration_s,
            "quality": self.quality,
            "max_mb": self.max_mb,
            "framing": self.framing,
            "focus": f"{self.focus[0]:g},{self.focus[1]:g}",
            "pad": self.pad,
            "size": f"{self.width_px}x{self.height_px}",
            "scaling": self.scaling,
            "loop": self.loop,
            "speed": self.speed,
            "reverse": self.reverse,
            "short": self.short,
        }

    def to_form(self) -> dict[str, str]:
        """Return the OPTIONS as a person would type them, for `parse`."""
        return {name: _typed(value) for name, value in self.to_options().items()}

    def check_against(self, info: VideoInfo) -> None:
        """Raise BadOptions if the window starts when the clip is already over."""
        if self.start_s >= info.duration_s:
            raise BadOptions(
                Message(
                    "start_time is %(start)s, but the clip is only %(length)s long.",
                    start=format_timecode(self.start_s),
                    length=format_timecode(info.duration_s),
                )
            )

    def frame_cache_key(self) -> str:
        """Return 16 hex digits that are the same for all recipes that keep the same frames of a clip.

        Quality and size of the file decide only what is then made of the frames.
        """
        deciding = {name: value for name, value in asdict(self).items() if name not in ("quality", "max_mb")}
        deciding["format"] = _KEPT_FORMAT
        for name in ("start_s", "duration_s", "speed"):
            deciding[name] = float(deciding[name])  # 6 and 6.0 are one
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ConversionOptions":
        """Make the options again that a row remembers, also as an older version wrote it."""
        kinds = {
            "quality": Quality,
            "framing": Framing,
            "focus": tuple,
            "loop": Loop,
            "short": Short,
            "scaling": Scaling,
        }
        return cls(**{name: kinds[name](value) if name in kinds else value for name, value in values.items()})


def _typed(value: str | float | bool | None) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return str(value)
        case _:
            return f"{value:g}"

"""What is wanted: which part of the clip, in which frame."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from chromi.encoder.probe import VideoInfo
from chromi.errors import BadOptions

MIN_DURATION_S = 1.0
MAX_DURATION_S = 10.0
MAX_START_S = 100 * 3600 - 1.0

# ASCII digits only: \d and float() would take ٣ and １ as well, and float() also "nan", "1e9" and "1_0".
_TIMECODE = re.compile(
    r"(?:(?:([0-9]{1,2}):)?([0-5]?[0-9]):(?=[0-5]?[0-9](?:\.|$)))?([0-9]{1,6}(?:\.[0-9]{1,9})?)"
)


@dataclass(frozen=True)
class Recipe:
    """A window of the clip and how it fills the background; `start_s` counts from the first picture."""

    width_px: ClassVar[int] = 1280
    height_px: ClassVar[int] = 720
    fps: ClassVar[int] = 24

    start_s: float = 0.0
    duration_s: float = 6.0

    @property
    def frames(self) -> int:
        """How many frames the GIF has if the clip is long enough."""
        return round(self.fps * self.duration_s)

    @classmethod
    def parse(cls, *, start_time: str = "", duration: str = "") -> "Recipe":
        """Read the options as a person typed them; an empty one takes its default.

        Raises BadOptions naming every option that is wrong.
        """
        wrong: list[str] = []

        def read(name: str, text: str, default: float, lowest: float, highest: float) -> float:
            try:
                value = parse_timecode(text) if text.strip() else default
            except ValueError:
                wrong.append(f"{name} must be a time such as 00:01:02.5 or a number of seconds such as 62.5")
                return default
            if not lowest <= value <= highest:
                wrong.append(f"{name} must be between {lowest:g} and {highest:g} seconds, not {value:g}")
            return value

        start_s = read("start_time", start_time, cls.start_s, 0, MAX_START_S)
        duration_s = read("duration", duration, cls.duration_s, MIN_DURATION_S, MAX_DURATION_S)
        if wrong:
            raise BadOptions("; ".join(wrong) + ".")
        return cls(start_s, duration_s)

    def check_against(self, info: VideoInfo) -> None:
        """Raise BadOptions if the window starts when the clip is already over."""
        if self.start_s >= info.duration_s:
            raise BadOptions(
                f"start_time is {format_timecode(self.start_s)}, but the clip is only "
                f"{format_timecode(info.duration_s)} long."
            )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        return cls(**values)


def parse_timecode(text: str) -> float:
    """Return the seconds that HH:MM:SS[.mmm], MM:SS[.mmm] or a plain number of seconds stands for.

    Rounded to milliseconds. Raises ValueError for anything else, signs and exponents included.
    """
    match = _TIMECODE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"no timecode: {text[:40]!r}")
    hours, minutes, seconds = match.groups()
    return round(int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds), 3)


def format_timecode(seconds: float) -> str:
    """Return `seconds` (0 or more) as HH:MM:SS.mmm, for example 00:01:02.500."""
    whole_s, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole_s, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}"

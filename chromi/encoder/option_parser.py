"""The options of a conversion: what each may be, and how it is read from what a person typed."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from chromi.encoder.timecode import parse_timecode
from chromi.errors import BadOptions
from chromi.i18n import Message, join_messages


class Quality(StrEnum):
    """How the GIF weighs its looks against its bytes."""

    SMALL = "small"
    BALANCED = "balanced"
    BEST = "best"


class Framing(StrEnum):
    """How a picture of another shape gets into 16:9."""

    FILL = "fill"  # cropped around the focus
    FIT = "fit"  # whole, on a plain color
    BLUR = "blur"  # whole, on a blurred copy of itself


class Loop(StrEnum):
    """How the end of the GIF meets its beginning."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    BOOMERANG = "boomerang"


class Short(StrEnum):
    """What a clip does that ends before the window is full."""

    PLAY = "play"  # a shorter GIF
    BOOMERANG = "boomerang"  # back and forth until the window is full
    REPEAT = "repeat"  # from its start again until the window is full


class Scaling(StrEnum):
    """How pixels are enlarged."""

    AUTO = "auto"  # pixelated for small drawings, smooth for everything else
    SMOOTH = "smooth"
    PIXELATED = "pixelated"  # each pixel stays a square, as CSS's image-rendering: pixelated


OPTIONS = (
    *("start_time", "duration", "quality", "max_mb", "framing", "focus"),
    *("pad", "size", "scaling", "loop", "speed", "reverse", "short"),
)
"""The name of each option in a form and in JSON."""

SIZES = {"1280x720": (1280, 720), "1920x1080": (1920, 1080)}
AUTO = "auto"

_YES, _NO = ("on", "true", "yes", "1"), ("off", "false", "no", "0")
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,9})?")
_COLOR = re.compile(r"#[0-9a-f]{6}")

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)


class OptionReader:
    """Read options one by one, noting each that is wrong; an empty one takes its default."""

    def __init__(self, typed: Mapping[str, str]) -> None:
        self._typed = {name: text.strip() for name, text in typed.items() if text.strip()}
        self._wrong = [Message("%(name)s is no option", name=name) for name in typed if name not in OPTIONS]

    def check(self) -> None:
        """Raise BadOptions naming every option that is wrong."""
        if self._wrong:
            raise BadOptions(join_messages(self._wrong))

    def seconds(self, name: str, default: float, lowest: float, highest: float) -> float:
        """Read a time."""
        try:
            value = parse_timecode(self._typed[name]) if name in self._typed else default
        except ValueError:
            complaint = Message(
                "%(name)s must be a time such as 00:01:02.5 or a number of seconds such as 62.5", name=name
            )
            return self._refuse(complaint, default)
        if lowest <= value <= highest:
            return value
        complaint = Message(
            "%(name)s must be between %(lowest)s and %(highest)s seconds, not %(value)s",
            name=name,
            lowest=lowest,
            highest=highest,
            value=value,
        )
        return self._refuse(complaint, lowest)

    def number(self, name: str, default: float, lowest: float, highest: float) -> float:
        """Read a plain number, rounded to three digits after the point."""
        text = self._typed.get(name)
        if text is None:
            return default
        value = round(float(text), 3) if _NUMBER.fullmatch(text) else None
        if value is not None and lowest <= value <= highest:
            return value
        complaint = Message(
            "%(name)s must be a number between %(lowest)s and %(highest)s",
            name=name,
            lowest=lowest,
            highest=highest,
        )
        return self._refuse(complaint, default)

    def number_or_none(self, name: str, lowest: float, highest: float) -> float | None:
        """Read a number that need not be given."""
        return self.number(name, lowest, lowest, highest) if name in self._typed else None

    def choice(self, name: str, default: _Choice) -> _Choice:
        """Read one of the words that the default's kind has."""
        kind = type(default)
        try:
            return kind(self._typed.get(name, default).lower())
        except ValueError:
            return self._refuse(_one_of(name, *kind), default)

    def switch(self, name: str) -> bool:
        """Read yes or no; no without a word."""
        text = self._typed.get(name, "no").lower()
        if text not in (*_YES, *_NO):
            return self._refuse(_one_of(name, *_YES, *_NO), False)
        return text in _YES

    def point(self, name: str, default: tuple[float, float]) -> tuple[float, float]:
        """Read X,Y, each a share of the picture from 0 to 1."""
        if name not in self._typed:
            return default
        parts = [part.strip() for part in self._typed[name].split(",")]
        if len(parts) != 2 or not all(_NUMBER.fullmatch(part) and float(part) <= 1 for part in parts):
            complaint = Message("%(name)s must be X,Y, each between 0 and 1, such as 0.5,0.3", name=name)
            return self._refuse(complaint, default)
        return round(float(parts[0]), 3), round(float(parts[1]), 3)

    def color(self, name: str) -> str:
        """Read #rrggbb; auto without a word."""
        text = self._typed.get(name, AUTO).lower()
        if text != AUTO and not _COLOR.fullmatch(text):
            return self._refuse(Message("%(name)s must be auto or a color such as #202124", name=name), AUTO)
        return text

    def size(self, name: str, default: tuple[int, int]) -> tuple[int, int]:
        """Read one of SIZES, in pixels."""
        if name not in self._typed:
            return default
        size_px = SIZES.get(self._typed[name].lower())
        return size_px or self._refuse(_one_of(name, *SIZES), default)

    def _refuse(self, complaint: Message, instead: _Value) -> _Value:
        self._wrong.append(complaint)
        return instead


def _one_of(name: str, *words: str) -> Message:
    return Message("%(name)s must be %(words)s", name=name, words=words)

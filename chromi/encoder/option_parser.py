"""Parse option values from user input."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from chromi.encoder.timecode import parse_timecode
from chromi.errors import BadOptions
from chromi.i18n import Message, join_messages

_TRUE, _FALSE = ("on", "true", "yes", "1"), ("off", "false", "no", "0")
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,9})?|\.[0-9]{1,9}")
_COLOR = re.compile(r"#[0-9a-f]{6}")

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)


class OptionParser:
    """Parse options one by one and collect the errors. An empty option gets its default.

    A method returns a valid placeholder for an invalid option. Call `check` after the last option.
    """

    def __init__(self, text_by_name: Mapping[str, str], known_names: Collection[str]) -> None:
        self._texts = {name: text.strip() for name, text in text_by_name.items() if text.strip()}
        self._errors = [
            Message("Unknown option: %(name)s", name=name) for name in text_by_name if name not in known_names
        ]

    def check(self) -> None:
        """Raise BadOptions listing every invalid option, if there are any."""
        if self._errors:
            raise BadOptions(join_messages(self._errors))

    def parse_seconds(self, name: str, default: float, lowest: float, highest: float) -> float:
        """Parse a timecode and return it in seconds."""
        try:
            value = parse_timecode(self._texts[name]) if name in self._texts else default
        except ValueError:
            error = Message(
                "%(name)s must be a time such as 00:01:02.5 or a number of seconds such as 62.5", name=name
            )
            return self._add_error(error, default)
        if lowest <= value <= highest:
            return value
        error = Message(
            "%(name)s must be between %(lowest)s and %(highest)s seconds, not %(value)s",
            name=name,
            lowest=lowest,
            highest=highest,
            value=value,
        )
        return self._add_error(error, lowest)

    def parse_number(self, name: str, default: float, lowest: float, highest: float) -> float:
        """Parse a decimal number and return it rounded to three decimal places."""
        text = self._texts.get(name)
        if text is None:
            return default
        value = round(float(text), 3) if _NUMBER.fullmatch(text) else None
        if value is not None and lowest <= value <= highest:
            return value
        error = Message(
            "%(name)s must be a number between %(lowest)s and %(highest)s",
            name=name,
            lowest=lowest,
            highest=highest,
        )
        return self._add_error(error, default)

    def parse_optional_number(self, name: str, lowest: float, highest: float) -> float | None:
        """Parse a number like `parse_number`, but return None if it is missing."""
        return self.parse_number(name, lowest, lowest, highest) if name in self._texts else None

    def parse_choice(self, name: str, default: _Choice) -> _Choice:
        """Parse a member of the enumeration that `default` belongs to."""
        enumeration = type(default)
        try:
            return enumeration(self._texts.get(name, default).lower())
        except ValueError:
            return self._add_error(_one_of(name, *enumeration), default)

    def parse_bool(self, name: str) -> bool:
        """Parse a boolean, False by default."""
        text = self._texts.get(name, "no").lower()
        if text not in (*_TRUE, *_FALSE):
            return self._add_error(_one_of(name, *_TRUE, *_FALSE), False)
        return text in _TRUE

    def parse_point(self, name: str, default: tuple[float, float]) -> tuple[float, float]:
        """Parse a point X,Y, with each coordinate from 0 to 1."""
        if name not in self._texts:
            return default
        parts = [part.strip() for part in self._texts[name].split(",")]
        if len(parts) != 2 or not all(_NUMBER.fullmatch(part) and float(part) <= 1 for part in parts):
            error = Message("%(name)s must be X,Y, each between 0 and 1, such as 0.5,0.3", name=name)
            return self._add_error(error, default)
        return round(float(parts[0]), 3), round(float(parts[1]), 3)

    def parse_color(self, name: str, default: str) -> str:
        """Parse a color as #rrggbb or the word `default`."""
        text = self._texts.get(name, default).lower()
        if text != default and not _COLOR.fullmatch(text):
            error = Message("%(name)s must be auto or a color such as #202124", name=name)
            return self._add_error(error, default)
        return text

    def parse_size(
        self, name: str, default: tuple[int, int], sizes: Mapping[str, tuple[int, int]]
    ) -> tuple[int, int]:
        """Parse a key of `sizes` and return the width and height in pixels."""
        if name not in self._texts:
            return default
        size_px = sizes.get(self._texts[name].lower())
        return size_px or self._add_error(_one_of(name, *sizes), default)

    def _add_error(self, error: Message, placeholder: _Value) -> _Value:
        self._errors.append(error)
        return placeholder


def _one_of(name: str, *words: str) -> Message:
    return Message("%(name)s must be %(words)s", name=name, words=words)


def format_value(value: str | float | bool | None) -> str:
    """Return the text that an OptionParser parses as this value."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return str(value)
        case _:
            return f"{value:g}"

"""Translatable messages.

Code that raises an error or reports progress does not know who reads it, or in which language. A Message
therefore keeps its English pattern, which the translations are looked up by, and the values separate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class Message(str):
    """An English message that remembers its pattern, with placeholders such as %(limit)s, and its values.

    A value is a string, a number, another Message, or a tuple of alternatives ("a, b or c"). Write the
    pattern as a literal: the tool that extracts messages for translation finds them by this class's name.
    """

    pattern: str
    values: Mapping[str, Value]

    def __new__(cls, pattern: str, **values: Value) -> Self:
        english = {name: _in_english(value) for name, value in values.items()}
        message = super().__new__(cls, pattern % english if values else pattern)
        message.pattern, message.values = pattern, values
        return message


Value = str | int | float | tuple[str, ...] | Message


def join_messages(messages: list[Message]) -> Message:
    """Join messages without a full stop into one sentence: "a; b; c."."""
    values = {f"message_{number}": message for number, message in enumerate(messages, 1)}
    pattern = "; ".join(f"%({name})s" for name in values) + "."
    return Message(pattern, **values)


def _in_english(value: Value) -> str:
    match value:
        case (*others, last):
            return f"{', '.join(others)} or {last}"
        case float():
            return f"{value:g}"
        case _:
            return str(value)

"""Translatable messages.

Code that raises an error or reports progress does not know who will read it or in which language. A Message
therefore stores its values separately from its English pattern, which is the key for translations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class Message(str):
    """An English message that keeps its pattern, with placeholders such as %(limit)s, and its values.

    A value is a string, a number, another Message, or a tuple of alternatives ("a, b, or c"). Write the
    pattern as a literal: the extraction tool finds messages by the name of this class.
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
    """Join messages without a final period into one sentence: "a; b; c."."""
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

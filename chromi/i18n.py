"""Sentences for people, written in English where they arise and said in the reader's language where shown.

What raises an error or reports progress knows no reader; whoever answers one does. So a sentence keeps its
pattern, which is what the translations know, beside the values that were put into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self


class Message(str):
    """An English sentence that remembers its pattern, with places such as %(limit)s, and their values.

    A value is a word, a number, another sentence, or a tuple of words of which one is to be chosen. The tool
    that collects what is to be translated finds patterns by this name: give it plain text, no variable.
    """

    pattern: str
    values: Mapping[str, Value]

    def __new__(cls, pattern: str, **values: Value) -> Self:
        filled = {name: _in_english(value) for name, value in values.items()}
        sentence = super().__new__(cls, pattern % filled if values else pattern)
        sentence.pattern, sentence.values = pattern, values
        return sentence


Value = str | int | float | tuple[str, ...] | Message


def join_messages(sentences: list[Message]) -> Message:
    """Make one sentence of some complaints, which have no full stop of their own."""
    places = {f"complaint_{number}": sentence for number, sentence in enumerate(sentences, 1)}
    pattern = "; ".join(f"%({name})s" for name in places) + "."
    return Message(pattern, **places)


def _in_english(value: Value) -> str:
    match value:
        case (*others, last):
            return f"{', '.join(others)} or {last}"
        case float():
            return f"{value:g}"
        case _:
            return str(value)

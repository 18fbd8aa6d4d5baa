"""List the ready-made backgrounds of the start page. docs/examples.py makes their files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import url_for

from chromi.i18n import Message
from chromi.web.http.static_files import EXAMPLES, FOLDER


@dataclass(frozen=True)
class Example:
    """A ready-made background, by the name of its files."""

    name: str
    title: Message
    credit: Message


_DRAWN = Message("Drawn for Chromi, CC0")

_EXAMPLES = (
    Example(
        "telescope", Message("Space telescope"), Message("James Webb Space Telescope, NASA, public domain")
    ),
    Example("flower", Message("Flower"), Message("MDN Web Docs, CC0")),
    Example("lights", Message("Drifting lights"), _DRAWN),
    Example("glow", Message("Slow glow"), _DRAWN),
)


def example_cards() -> list[dict[str, Any]]:
    """Return the examples as index.html shows them."""
    return [
        {
            "title": example.title,
            "credit": example.credit,
            "bytes": _gif_bytes(example.name),
            **{
                f"{kind}_url": url_for("static", filename=f"{EXAMPLES}{example.name}.{suffix}")
                for kind, suffix in (("image", "jpg"), ("video", "mp4"), ("gif", "gif"))
            },
        }
        for example in _EXAMPLES
    ]


@cache
def _gif_bytes(name: str) -> int:
    return (FOLDER / EXAMPLES / f"{name}.gif").stat().st_size

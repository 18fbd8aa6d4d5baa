"""How numbers and times read in the templates."""

from __future__ import annotations

from datetime import datetime

from flask import Flask


def init_app(app: Flask) -> None:
    for name in (filesize, seconds, timecode, utc):
        app.add_template_filter(name)


def filesize(size_bytes: int) -> str:
    """12_345_678 -> "12.3 MB"; MB of 1,000,000 bytes, as file managers show them."""
    if size_bytes < 1_000_000:
        return f"{max(1, round(size_bytes / 1000))} KB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def seconds(duration_s: float) -> str:
    """0.29 -> "0.3 s", 4.2 -> "4 s", 65 -> "1 min 5 s"."""
    if 0 < duration_s < 1:
        return f"{duration_s:.1f} s"
    minutes, rest = divmod(round(duration_s), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def timecode(position_s: float) -> str:
    """66.5 -> "1:06.5"."""
    minutes, rest = divmod(round(position_s, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def utc(moment: datetime) -> str:
    """A moment in UTC -> "21 November 2026, 14:05 UTC"."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"

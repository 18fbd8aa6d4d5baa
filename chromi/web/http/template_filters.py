"""Template filters that format numbers and times in the visitor's language."""

from __future__ import annotations

from datetime import datetime

from babel.units import format_unit
from flask import Flask
from flask_babel import format_date, format_decimal, format_percent, format_time, get_locale
from markupsafe import Markup


def init_app(app: Flask) -> None:
    for template_filter in (duration, filesize, percent, seconds, timecode, timestamp):
        app.add_template_filter(template_filter)


def duration(duration_s: float) -> str:
    """86400 -> "24 hours", 604800 -> "7 days", 90 -> "2 minutes"."""
    if duration_s >= 2 * 86400:
        unit, unit_s = "duration-day", 86400
    elif duration_s >= 3600:
        unit, unit_s = "duration-hour", 3600
    else:
        unit, unit_s = "duration-minute", 60
    return format_unit(max(1, round(duration_s / unit_s)), unit, "long", locale=get_locale())


def filesize(size_bytes: int) -> str:
    """12_345_678 -> "12.3 MB", 10_000_000 -> "10 MB", 157_300_000 -> "157 MB".

    One MB is 1,000,000 bytes, as in file managers.
    """
    if size_bytes >= 1_000_000_000:
        return _format_unit(size_bytes / 1_000_000_000, "digital-gigabyte", "0.#")
    if size_bytes < 1_000_000:
        return _format_unit(max(1, round(size_bytes / 1000)), "digital-kilobyte", "0")
    return _format_unit(
        size_bytes / 1_000_000, "digital-megabyte", "0.#" if size_bytes < 100_000_000 else "0"
    )


def percent(fraction: float) -> str:
    """0.714 -> "71%"."""
    return str(format_percent(fraction))


def seconds(duration_s: float) -> str:
    """4.25 -> "4.2 sec", 6 -> "6 sec", 42.5 -> "42 sec", 65 -> "1 min 5 sec"."""
    if duration_s < 10:
        return _format_unit(duration_s, "duration-second", "0.#")
    minutes, rest = divmod(round(duration_s), 60)
    text = _format_unit(rest, "duration-second", "0")
    return f"{_format_unit(minutes, 'duration-minute', '0')} {text}" if minutes else text


def timecode(position_s: float) -> str:
    """66.5 -> "1:06.5" or, in German, "1:06,5"."""
    minutes, rest = divmod(round(position_s, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    seconds_text = format_decimal(rest, "00.0")
    return f"{hours}:{minutes:02d}:{seconds_text}" if hours else f"{minutes}:{seconds_text}"


def timestamp(at: datetime) -> Markup:
    """Render a UTC time as <time>. Its text is also UTC until a script replaces it with local time."""
    text = f"{format_date(at, 'long')}, {format_time(at, 'short')} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", text)


def _format_unit(amount: float, unit: str, pattern: str) -> str:
    return format_unit(amount, unit, "short", format=pattern, locale=get_locale())

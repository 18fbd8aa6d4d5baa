"""Parse and format timecodes."""

import re

# ASCII digits only: \d and float() also accept ٣ and １, and float() accepts "nan", "1e9" and "1_0".
_TIMECODE = re.compile(
    r"(?:(?:([0-9]{1,2}):)?([0-5]?[0-9]):(?=[0-5]?[0-9](?:[.,]|$)))?([0-9]{1,6}(?:[.,][0-9]{1,9})?)"
)


def parse_timecode(text: str) -> float:
    """Return the seconds in HH:MM:SS[.mmm], MM:SS[.mmm] or a plain number, rounded to milliseconds.

    The decimal separator may be a comma, as in most of Europe. Raises ValueError for any other text,
    including signs and exponents.
    """
    match = _TIMECODE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a timecode: {text[:40]!r}")
    hours, minutes, seconds = match.groups()
    return round(int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds.replace(",", ".")), 3)


def format_timecode(seconds: float) -> str:
    """Return `seconds` (0 or more) as HH:MM:SS.mmm, for example 00:01:02.500."""
    whole_s, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole_s, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}"

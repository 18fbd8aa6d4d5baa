"""What the service says of itself: one line an event on stdout, JSON unless a person looks at a terminal.

A line may quote a visitor (an option as it was typed, what ffmpeg says of a file), so nothing gets out raw:
no line break can forge a line, and no control character reaches a terminal.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_about: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039  never changed in place


@contextmanager
def bound_context(**ids: str) -> Iterator[None]:
    """Name what all lines are about that are written inside: `request_id`, `job_id`."""
    token = _about.set(_about.get() | ids)
    try:
        yield
    finally:
        _about.reset(token)


def reset_context(**ids: str) -> None:
    """Name what this thread's lines are about from now on, and nothing of what was named before."""
    _about.set(ids)


def configure() -> None:
    """Send the lines of the service and of its libraries to stdout, once."""
    _send(logging.StreamHandler(sys.stdout), TextFormatter() if sys.stdout.isatty() else JsonFormatter())


def configure_for_terminal() -> None:
    """Send the lines of a command to stderr, beside what it prints."""
    _send(logging.StreamHandler(), TextFormatter())


def _send(handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns of each request that waits
    logging.captureWarnings(True)


def use_root_handlers(name: str) -> None:
    """Have a library that brings handlers of its own speak through ours."""
    logging.getLogger(name).handlers.clear()


class JsonFormatter(logging.Formatter):
    """One JSON object a line; what was passed as `extra={"facts": {...}}` is part of it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_about.get(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        # ASCII only: also what terminals and log readers take for a line break or a change of direction.
        return json.dumps(line, default=str).replace("\x7f", "\\u007f")


class TextFormatter(logging.Formatter):
    """The same for a person: time, level where it is no mere note, message, facts; a trace is indented."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        known = _about.get() | getattr(record, "facts", {})
        facts = "".join(f"  {name}={value}" for name, value in known.items())
        lines = [f"{self.formatTime(record, '%H:%M:%S')} {level}{record.getMessage()}{facts}"]
        if record.exc_info:
            lines += [f"    {line}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(_printable(line) for line in lines)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

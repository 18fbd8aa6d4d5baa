"""Structured logging: one line per event on stdout, as JSON unless stdout is a terminal.

A line may quote user input (an option as typed, ffmpeg's output about a file), so everything is escaped. A
line break cannot forge a log line, and no control character reaches a terminal.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_context: ContextVar[dict[str, str]] = ContextVar("context", default={})  # noqa: B039  never mutated


@contextmanager
def bound_context(**ids: str) -> Iterator[None]:
    """Add ids (`request_id`, `job_id`) to all lines logged inside the block."""
    token = _context.set(_context.get() | ids)
    try:
        yield
    finally:
        _context.reset(token)


def reset_context(**ids: str) -> None:
    """Replace the ids for all subsequent lines of this thread."""
    _context.set(ids)


def configure() -> None:
    """Log to stdout, for the service."""
    _set_handler(
        logging.StreamHandler(sys.stdout), TextFormatter() if sys.stdout.isatty() else JsonFormatter()
    )


def configure_for_terminal() -> None:
    """Log to stderr as text, for a command whose output goes to stdout."""
    _set_handler(logging.StreamHandler(), TextFormatter())


def _set_handler(handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("waitress").setLevel(logging.WARNING)  # its messages about clients contain their paths
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it logs a warning for each queued request
    logging.captureWarnings(True)


def use_root_handlers(name: str) -> None:
    """Remove the handlers that a library has installed, so that its messages go through ours."""
    logging.getLogger(name).handlers.clear()


class JsonFormatter(logging.Formatter):
    """One JSON object per line, with the fields passed as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        # ASCII only, because terminals and log readers also break lines at some Unicode characters or reverse
        # text.
        return json.dumps(line, default=str).replace("\x7f", "\\u007f")


class TextFormatter(logging.Formatter):
    """The same for people: time, level (unless it is info), message and fields. A traceback is indented."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        fields = _context.get() | getattr(record, "fields", {})
        shown = "".join(f"  {name}={value}" for name, value in fields.items())
        lines = [f"{self.formatTime(record, '%H:%M:%S')} {level}{record.getMessage()}{shown}"]
        if record.exc_info:
            lines += [f"    {line}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(_escape(line) for line in lines)


def _escape(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)

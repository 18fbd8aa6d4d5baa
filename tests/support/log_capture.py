"""Capture log records in the format in which the service writes them."""

import json
import logging
from typing import Any

from chromi import log

LogLines = list[dict[str, Any]]


class LogCapture(logging.Handler):
    """Appends each record to `lines`, as the JSON object that the service would write."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(log.JsonFormatter())
        self.lines: LogLines = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

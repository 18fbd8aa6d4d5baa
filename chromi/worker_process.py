"""The name of a worker's process, and whether that process has ended."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_PROC = Path("/proc")
_START_TIME = 19
"""Where the start time stands behind the program's name in /proc/PID/stat (proc(5), field 22)."""


def name_of_this_process() -> str:
    """Return HOST:PID:START. The start time tells a process from a later one with its number."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started_at(os.getpid())}"


def has_ended(worker: str | None) -> bool:
    """Return whether a worker of that name ran on this host and its process is gone.

    Another container with the same host name looks as if it had ended, so that whoever asks must not act on
    this alone. False where it cannot be told.
    """
    host, _, process = (worker or "").rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not process.isdecimal() or not (_PROC / "self/stat").exists():
        return False
    return _started_at(int(process)) != (worker or "").rpartition(":")[2]


def _started_at(pid: int) -> str:
    """Return when a process started, in the kernel's ticks since the machine did; "" if there is none."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[_START_TIME]
    except OSError:
        return ""

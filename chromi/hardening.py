"""What every process of the service gives up as it starts."""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4


def harden_process() -> None:
    """Keep this process's files and memory from everyone else.

    Files that it and its children make can be read by their owner only. No other process of the same user
    can trace it, read its environment or write into its memory (prctl(2), PR_SET_DUMPABLE), so that a decoder
    that was taken over finds no way into it even where Landlock does not work. A program that it starts does
    not inherit that.
    """
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

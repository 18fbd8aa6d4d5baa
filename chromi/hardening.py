"""What Chromi's own processes do against a converter that was taken over."""

import ctypes

_PR_SET_DUMPABLE = 4


def protect_memory() -> None:
    """Close this process's memory and environment to all others of the same user; a fork keeps that.

    It also gives the files in /proc/PID to root, ends core dumps, and keeps debuggers out.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

"""Look at processes from outside."""

import psutil


def converters(pid: int | None = None) -> list[psutil.Process]:
    """The ffmpeg processes that this process (or the one with `pid`) has started, directly or not."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue  # it ended while we looked
        if "ffmpeg" in words:  # also in the launcher's, a moment before it turns into ffmpeg
            found.append(process)
    return found

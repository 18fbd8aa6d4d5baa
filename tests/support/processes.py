"""Look at processes from outside, and at the files that they leave."""

import stat
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest


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


def opened_by(pid: int) -> list[Path]:
    """The links to what a process has open; Chromi's own processes show them to root only."""
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        pytest.skip("only root can see what Chromi's processes have open")


def are_gone(processes: Iterable[psutil.Process]) -> bool:
    """Ended, whether anybody has asked for what they ended with or not."""
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def catches(pid: int, signum: int) -> bool:
    """Whether a process has come so far as to handle this signal itself."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [mask] = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")]
    return bool(mask >> (signum - 1) & 1)


def open_to_others(folder: Path) -> list[str]:
    """The folder and all that is in it that somebody but the owner may read, write or enter."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    return [f"{path} {mode:o}" for path, mode in modes.items() if mode & 0o077]

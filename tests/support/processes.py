"""Inspect running processes and the permissions of files."""

import stat
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest


def find_ffmpeg_processes(pid: int | None = None) -> list[psutil.Process]:
    """Return the ffmpeg processes among the descendants of this process, or of process `pid`."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue  # it has ended in the meantime
        if "ffmpeg" in command:  # this includes the launcher shortly before exec
            found.append(process)
    return found


def list_open_files(pid: int) -> list[Path]:
    """Return the links to a process's open files. Skips the test unless it runs as root.

    Chromi's processes are not dumpable, so only root can see their open files.
    """
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        pytest.skip("only root can see the open files of Chromi's processes")


def have_ended(processes: Iterable[psutil.Process]) -> bool:
    """Return whether all processes have ended, including zombies."""
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def handles_signal(pid: int, signum: int) -> bool:
    """Return whether a process has installed a handler for this signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [mask] = [int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")]
    return bool(mask >> (signum - 1) & 1)


def find_public_paths(folder: Path) -> list[str]:
    """Return the paths in and including `folder` that users other than the owner may access, with modes."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    return [f"{path} {mode:o}" for path, mode in modes.items() if mode & 0o077]

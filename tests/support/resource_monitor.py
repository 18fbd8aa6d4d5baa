"""Measure the memory, disk usage and response times of a running service from outside."""

from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.soak.sampling import Sample
from tests.support.processes import list_open_files
from tests.support.running_service import Service
from tests.support.service_client import curl

MAX_RESPONSE_S = 5.0
"""Much shorter than the response time of a blocked server.

Most responses take a third of a second, a few take longer on a busy machine.
"""


def take_sample(service: Service, *paths: str) -> Sample:
    """Return the bytes of `memory` and of `incoming` uploads, and each path's response time in seconds."""
    processes = service.processes()
    return {
        "memory": sum(rss_bytes(process) for process in processes),
        "incoming": incoming_bytes(service.instance, processes),
        **{path: measure_response_s(service.url + path) for path in paths},
    }


def measure_response_s(url: str) -> float:
    """Return the seconds until the whole response, with any status, has been received."""
    return float(curl("-m", "10", "-o", "/dev/null", "-w", "%{time_total}", url))


def rss_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process, or 0 if it has ended."""
    try:
        size: int = process.memory_info().rss
        return size
    except psutil.Error:
        return 0


def incoming_bytes(folder: Path, processes: list[psutil.Process]) -> int:
    """Return the disk usage of request bodies that are being received, including unlinked files."""
    paths = [*folder.glob("media/uploads/incoming-*"), *folder.glob("tmp/*")]
    for process in processes:
        with suppress(FileNotFoundError, ProcessLookupError):  # the process has ended in the meantime
            paths += [path for path in list_open_files(process.pid) if is_unlinked(path, folder)]
    sizes = {}
    for path in paths:
        with suppress(OSError):  # removed in the meantime
            stat = path.stat()
            sizes[stat.st_ino] = stat.st_blocks * 512  # by inode: several processes may have it open
    return sum(sizes.values())


def is_unlinked(path: Path, folder: Path) -> bool:
    """Return whether a link in /proc/PID/fd leads to a deleted file that was in `folder`."""
    try:
        target = str(path.readlink())
    except OSError:
        return False
    return target.startswith(f"{folder}/") and target.endswith(" (deleted)")

"""What a service takes, looked at from outside while others keep it busy."""

from contextlib import suppress
from pathlib import Path

import psutil

from benchmarks.soak.sampling import Sample
from tests.conftest import Service
from tests.support.processes import list_open_files
from tests.support.service_client import curl

SOON_S = 5.0
"""A third of one as a rule, some on a machine that does much else; locked out, one waits far longer."""


def look_at(service: Service, *addresses: str) -> Sample:
    """Bytes of `memory` and of what is `passing` on the disk, and the seconds that each address takes."""
    family = service.tree()
    return {
        "memory": sum(rss_bytes(member) for member in family),
        "passing": passing_bytes(service.instance, family),
        **{address: time_of(service.url + address) for address in addresses},
    }


def time_of(url: str) -> float:
    """Seconds until all of the answer is here; what it says is not asked."""
    return float(curl("-m", "10", "-o", "/dev/null", "-w", "%{time_total}", url))


def rss_bytes(process: psutil.Process) -> int:
    try:
        size: int = process.memory_info().rss
        return size
    except psutil.Error:
        return 0  # ended just now


def passing_bytes(folder: Path, family: list[psutil.Process]) -> int:
    """What uploads take on the disk that are not kept (yet): in a form that comes, or without a name."""
    paths = [*folder.glob("media/uploads/incoming-*"), *folder.glob("tmp/*")]
    for process in family:
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
            paths += [path for path in list_open_files(process.pid) if is_nameless(path, folder)]
    sizes = {}
    for path in paths:
        with suppress(OSError):  # gone just now
            found = path.stat()
            sizes[found.st_ino] = found.st_blocks * 512  # once, however many have it open
    return sum(sizes.values())


def is_nameless(path: Path, folder: Path) -> bool:
    try:
        target = str(path.readlink())
    except OSError:
        return False
    return target.startswith(f"{folder}/") and target.endswith(" (deleted)")

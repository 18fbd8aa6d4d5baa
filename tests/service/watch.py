"""Look at a service from outside again and again, while others keep it busy."""

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.conftest import Service
from tests.service.conftest import curl


class Watch:
    """Looks as long as its block lasts and keeps the worst of what it sees: seconds and bytes."""

    def __init__(self, service: Service, *addresses: str) -> None:
        self.slowest_s = dict.fromkeys(addresses, 0.0)
        self.memory_bytes = self.passing_bytes = 0
        self._service = service
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._done.is_set():
            for address, slowest_s in self.slowest_s.items():
                self.slowest_s[address] = max(slowest_s, time_of(self._service.url + address))
            family = self._service.tree()
            self.memory_bytes = max(self.memory_bytes, sum(rss_bytes(member) for member in family))
            self.passing_bytes = max(self.passing_bytes, passing_bytes(self._service.instance, family))


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
        with suppress(OSError):
            opened = Path(f"/proc/{process.pid}/fd").iterdir()
            paths += [path for path in opened if is_nameless(path, folder)]
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

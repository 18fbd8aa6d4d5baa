"""How much memory one program may take on this machine, or in this container."""

from collections.abc import Iterator
from pathlib import Path

_LEAST_PART = 4
"""One part in so many is always allowed: ffmpeg cannot start with much less. Should the
machine run out of memory, the kernel ends ffmpeg first."""

_PROC = Path("/proc")
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def affordable_bytes(wanted_bytes: int) -> int:
    """Return the smaller of `wanted_bytes` and half of what is available, so that two may run at once."""
    available = available_bytes(_PROC, _CONTROL_GROUPS)
    if available is None:
        return wanted_bytes
    return min(wanted_bytes, max(wanted_bytes // _LEAST_PART, available // 2))


def available_bytes(proc: Path, control_groups: Path) -> int | None:
    """Return what the machine and all control groups of this process still have; None if nothing tells."""
    found = [*_of_machine(proc), *_of_control_groups(proc, control_groups)]
    return max(0, min(found)) if found else None


def _of_machine(proc: Path) -> Iterator[int]:
    kilobytes = _values(proc / "meminfo").get("MemAvailable:")
    if kilobytes is not None:
        yield kilobytes * 1024


def _of_control_groups(proc: Path, root: Path) -> Iterator[int]:
    """Yield what is left in each group from the process's own up, in version 2 or 1.

    In a container without a name space of its own for groups, the path is the host's; the container's limit
    is then at the root.
    """
    for line in _lines(proc / "self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folder, limit, used, reclaimable = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            folder, limit, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            reclaimable = "total_inactive_file"
        else:
            continue
        group = folder / path.strip("/")
        for each in (group, *group.parents):
            limit_bytes, used_bytes = _number(each / limit), _number(each / used)
            if limit_bytes is not None and used_bytes is not None:
                yield limit_bytes - used_bytes + _values(each / "memory.stat").get(reclaimable, 0)
            if each == folder:
                break


def _number(path: Path) -> int | None:
    """Read a file of one number; None for "max" and for a file that is not there."""
    text = "".join(_lines(path)[:1])
    return int(text) if text.isdecimal() else None


def _values(path: Path) -> dict[str, int]:
    words = (line.split() for line in _lines(path))
    return {each[0]: int(each[1]) for each in words if len(each) > 1 and each[1].isdecimal()}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []

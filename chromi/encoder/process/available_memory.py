"""Measure how much memory a program may use on this machine or in this container."""

from collections.abc import Iterator
from pathlib import Path

_MIN_FRACTION = 4
"""A quarter of the requested memory is always granted, because ffmpeg can hardly start with less. If the
machine then runs out of memory, the kernel kills ffmpeg first."""

_PROC_DIR = Path("/proc")
_CGROUP_DIR = Path("/sys/fs/cgroup")


def limit_to_available(requested_bytes: int) -> int:
    """Return `requested_bytes`, capped at half of the available memory. Two programs may run at once."""
    available = available_bytes(_PROC_DIR, _CGROUP_DIR)
    if available is None:
        return requested_bytes
    return min(requested_bytes, max(requested_bytes // _MIN_FRACTION, available // 2))


def available_bytes(proc_dir: Path, cgroup_dir: Path) -> int | None:
    """Return the memory available to this process on the machine and in its cgroups, or None if unknown."""
    found = [*_machine_bytes(proc_dir), *_cgroup_bytes(proc_dir, cgroup_dir)]
    return max(0, min(found)) if found else None


def _machine_bytes(proc_dir: Path) -> Iterator[int]:
    kilobytes = _read_values(proc_dir / "meminfo").get("MemAvailable:")
    if kilobytes is not None:
        yield kilobytes * 1024


def _cgroup_bytes(proc_dir: Path, cgroup_dir: Path) -> Iterator[int]:
    """Yield the memory left in the process's cgroup and in each ancestor, for cgroup v2 and v1.

    In a container without its own cgroup namespace, the path is the host's and does not exist inside the
    container. The container's limit is then at the root.
    """
    for line in _read_lines(proc_dir / "self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, limit, used, reclaimable = cgroup_dir, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, used = cgroup_dir / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            reclaimable = "total_inactive_file"
        else:
            continue
        group = root / path.strip("/")
        for ancestor in (group, *group.parents):
            limit_bytes, used_bytes = _read_number(ancestor / limit), _read_number(ancestor / used)
            if limit_bytes is not None and used_bytes is not None:
                yield limit_bytes - used_bytes + _read_values(ancestor / "memory.stat").get(reclaimable, 0)
            if ancestor == root:
                break


def _read_number(path: Path) -> int | None:
    """Read a file that contains one number. Return None for "max" and for a missing file."""
    text = "".join(_read_lines(path)[:1])
    return int(text) if text.isdecimal() else None


def _read_values(path: Path) -> dict[str, int]:
    """Read a file whose lines each consist of a name and a number."""
    lines = (line.split() for line in _read_lines(path))
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []

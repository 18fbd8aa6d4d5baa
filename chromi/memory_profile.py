"""After each step of a job, log where a worker's memory has grown (CHROMI_TRACEMALLOC).

tracemalloc tracks Python's allocations, not those of ffmpeg and Pillow. Each snapshot is compared with the
previous one, across jobs. A line of code whose allocations grow with every job and never shrink is a leak.
"""

from __future__ import annotations

import logging
import tracemalloc
from pathlib import Path

logger = logging.getLogger(__name__)

TOP_COUNT = 5
_TRACEBACK_FRAMES = 1
_ROOT = Path(__file__).resolve().parent.parent


def start() -> None:
    """Start tracing allocations. Without this, `log_growth` does nothing."""
    tracemalloc.start(_TRACEBACK_FRAMES)


def log_growth(step: str) -> None:
    """Log what has grown since the previous step. Repeated calls for the same step do nothing."""
    if tracemalloc.is_tracing():
        _snapshots.log_growth(step)


class _Snapshots:
    """The latest snapshot of this process, which runs one job at a time."""

    def __init__(self) -> None:
        self._step = ""
        self._previous: tracemalloc.Snapshot | None = None

    def log_growth(self, step: str) -> None:
        if step == self._step:
            return
        snapshot = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(False, tracemalloc.__file__)]
        )
        held_bytes, peak_bytes = tracemalloc.get_traced_memory()
        fields = {
            "step": step,
            "held_bytes": held_bytes,
            "peak_bytes": peak_bytes,
            "grown": self._top_growth(snapshot),
        }
        logger.info("memory at step “%s”: %s KB", step, held_bytes // 1000, extra={"fields": fields})
        tracemalloc.reset_peak()
        self._step, self._previous = step, snapshot

    def _top_growth(self, snapshot: tracemalloc.Snapshot) -> list[str]:
        if self._previous is None:
            return []
        changes = sorted(snapshot.compare_to(self._previous, "lineno"), key=lambda change: -change.size_diff)
        return [
            f"{_location(change)} {change.size_diff:+d}"
            for change in changes[:TOP_COUNT]
            if change.size_diff > 0
        ]


def _location(change: tracemalloc.StatisticDiff) -> str:
    frame = change.traceback[0]
    return f"{frame.filename.removeprefix(f'{_ROOT}/')}:{frame.lineno}"


_snapshots = _Snapshots()

"""Where a worker's memory has grown, step by step of a job (CHROMI_TRACEMALLOC).

It sees what Python has allocated, not what ffmpeg and Pillow have. Each look is compared with the one before,
the last of the job before included: what grows with every job and never shrinks is a leak.
"""

from __future__ import annotations

import logging
import tracemalloc
from pathlib import Path

logger = logging.getLogger(__name__)

SHOWN = 5
_FRAMES = 1
_ROOT = Path(__file__).resolve().parent.parent


def trace() -> None:
    """Have Python note from now on where it allocates; afterwards `note` has something to say."""
    tracemalloc.start(_FRAMES)


def note(step: str) -> None:
    """Log what has changed since the step before, unless this step was noted already or nothing is traced."""
    if tracemalloc.is_tracing():
        _looks.note(step)


class _Looks:
    """The last look of this process, which does one job at a time."""

    def __init__(self) -> None:
        self._step = ""
        self._last: tracemalloc.Snapshot | None = None

    def note(self, step: str) -> None:
        if step == self._step:
            return
        now = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
        held_bytes, peak_bytes = tracemalloc.get_traced_memory()
        facts = {"step": step, "held_bytes": held_bytes, "peak_bytes": peak_bytes, "grown": self._grown(now)}
        logger.info("memory at “%s”: %s KB", step, held_bytes // 1000, extra={"facts": facts})
        tracemalloc.reset_peak()
        self._step, self._last = step, now

    def _grown(self, now: tracemalloc.Snapshot) -> list[str]:
        if self._last is None:
            return []
        changes = sorted(now.compare_to(self._last, "lineno"), key=lambda change: -change.size_diff)
        return [
            f"{_place(change)} {change.size_diff:+d}" for change in changes[:SHOWN] if change.size_diff > 0
        ]


def _place(change: tracemalloc.StatisticDiff) -> str:
    frame = change.traceback[0]
    return f"{frame.filename.removeprefix(f'{_ROOT}/')}:{frame.lineno}"


_looks = _Looks()

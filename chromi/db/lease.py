"""A worker's lease on the job it runs."""

from __future__ import annotations

import faulthandler
import logging
import time
from types import TracebackType
from typing import Self

from chromi import memory_profile
from chromi.db.connection import TEMPORARY_ERRORS, database
from chromi.db.job import Job
from chromi.encoder import READING, Progress
from chromi.encoder.encoder_errors import Cancelled, TimedOut

logger = logging.getLogger(__name__)

LEASE_S = 30
"""A running job whose row has not been updated for this long has lost its worker.

Updates come twice a second.
"""
MAX_JOB_S = 330
"""The longest allowed attempt, regardless of the encoder's own timeouts (at most 300 s)."""
REPORT_INTERVAL_S = 0.4
"""Minimum interval between progress writes, because each write waits for the disk."""


class Lease:
    """Keeps a job's row up to date while the job runs, and detects when the worker has lost the job.

    Only progress reports renew the lease. With `watchdog`, a process whose job hangs is killed when the lease
    expires, before another worker takes the job. A traceback in the log shows where it hung.
    """

    def __init__(self, job: Job, *, watchdog: bool) -> None:
        self._job = job
        self._watchdog = watchdog
        self._is_lost = False
        self._progress = Progress("", 0.0, "")
        self._started_at = time.monotonic()
        self._reported_at = 0.0

    def __enter__(self) -> Self:
        self._reset_watchdog()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watchdog:
            faulthandler.cancel_dump_traceback_later()

    def _reset_watchdog(self) -> None:
        """Restart the timer of a thread that can end the process without Python's global interpreter lock."""
        if self._watchdog:
            faulthandler.dump_traceback_later(LEASE_S, exit=True)

    def report(self, progress: Progress) -> None:
        """Record the progress and renew the lease, unless this was done within REPORT_INTERVAL_S.

        Raises TimedOut after MAX_JOB_S.
        """
        self._progress = progress
        memory_profile.log_growth(progress.step)
        now = time.monotonic()
        if now - self._reported_at < REPORT_INTERVAL_S:
            return
        if now - self._started_at > MAX_JOB_S:
            raise TimedOut(detail=f"still {progress.step} after {MAX_JOB_S} s")
        self._reset_watchdog()
        try:
            self._is_lost = not self._job.report(progress)
        except TEMPORARY_ERRORS as error:
            # Another process holds the write lock, or the server is restarting; the next report may succeed.
            logger.warning("job %s: could not write progress: %s", self._job.id, error)
            database.drop_broken_connection()
        self._reported_at = time.monotonic()

    def tick(self, fraction: float) -> None:
        """Report the progress of a single-step job. Raises Cancelled once the lease is lost."""
        self._report_or_cancel(Progress("reading", fraction, READING))

    def renew(self) -> None:
        """Report the last progress again. Raises Cancelled once the lease is lost."""
        self._report_or_cancel(self._progress)

    def _report_or_cancel(self, progress: Progress) -> None:
        self.report(progress)
        if self._is_lost:
            raise Cancelled

    def is_lost(self) -> bool:
        """True once the job has been canceled or another worker has taken it."""
        return self._is_lost

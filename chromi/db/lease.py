"""A worker's hold on the job that it does."""

from __future__ import annotations

import faulthandler
import logging
import time
from types import TracebackType
from typing import Self

from peewee import OperationalError

from chromi import memory_profile
from chromi.db.job import Job
from chromi.encoder import READING, Progress
from chromi.encoder.encoder_errors import Cancelled, TimedOut

logger = logging.getLogger(__name__)

LEASE_S = 30
"""A running job whose row was not renewed for this long has lost its worker; it is renewed twice a second."""
MAX_JOB_S = 330
"""No attempt takes longer, whatever the encoder's own limits (300 s at most) say."""
REPORT_INTERVAL_S = 0.4
"""Rows are written with a sync to disk, so progress is, too, at most this often."""


class Lease:
    """Keeps a job's row fresh while it is being done, and notices when the job is no longer ours.

    Only progress reports renew the lease. With `watchdog`, a process whose job hangs is killed when the lease
    expires, before another worker takes the job; a traceback in the log shows where it hung.
    """

    def __init__(self, job: Job, *, watchdog: bool) -> None:
        self._job = job
        self._watchdog = watchdog
        self._lost = False
        self._began_at = time.monotonic()
        self._reported_at = 0.0

    def __enter__(self) -> Self:
        self._wind_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watchdog:
            faulthandler.cancel_dump_traceback_later()

    def _wind_up(self) -> None:
        """Put the process's end off: a thread without Python's lock ends it if this is not called again."""
        if self._watchdog:
            faulthandler.dump_traceback_later(LEASE_S, exit=True)

    def report(self, progress: Progress) -> None:
        """Write the progress, which renews the lease, unless that was done a moment ago.

        Raises TimedOut after MAX_JOB_S.
        """
        memory_profile.note(progress.step)
        now = time.monotonic()
        if now - self._reported_at < REPORT_INTERVAL_S:
            return
        if now - self._began_at > MAX_JOB_S:
            raise TimedOut(detail=f"still {progress.step} after {MAX_JOB_S} s")
        self._wind_up()
        try:
            self._lost = not self._job.report(progress)
        except OperationalError as error:
            # Another process holds the write lock: this beat is missed, the next one may come through.
            logger.warning("job %s: progress not written: %s", self._job.id, error)
        self._reported_at = time.monotonic()

    def tick(self, fraction: float) -> None:
        """Report what has one step only; raises Cancelled once the job is no longer ours."""
        self.report(Progress("reading", fraction, READING))
        if self._lost:
            raise Cancelled

    def is_lost(self) -> bool:
        """True once somebody cancelled the job or took it over."""
        return self._lost

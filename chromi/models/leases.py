"""A worker's hold on the job that it does."""

from __future__ import annotations

import faulthandler
import logging
import time
from types import TracebackType
from typing import Self

from peewee import OperationalError

from chromi import memory
from chromi.encoder import READING, Progress
from chromi.encoder.errors import Stopped, TimedOut
from chromi.models.jobs import Job

log = logging.getLogger(__name__)

LEASE_S = 30
"""A running job whose row was not renewed for this long has lost its worker; it is renewed twice a second."""
MAX_JOB_S = 330
"""No attempt takes longer, whatever the encoder's own limits (300 s at most) say."""
REPORT_INTERVAL_S = 0.4
"""Rows are written with a sync to disk, so progress is, too, at most this often."""


class Lease:
    """Keeps a job's row fresh while it is being done, and notices when the job is no longer ours.

    Only the work itself renews it, by saying how far it is. Work that hangs says nothing: then, as `guarded`,
    the process is ended when the lease runs out, before anybody else takes the job, and its log says where it
    hung.
    """

    def __init__(self, job: Job, *, guarded: bool) -> None:
        self._job = job
        self._guarded = guarded
        self._lost = False
        self._began_at = time.monotonic()
        self._reported_at = 0.0

    def __enter__(self) -> Self:
        self._wind_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guarded:
            faulthandler.cancel_dump_traceback_later()

    def _wind_up(self) -> None:
        """Put the process's end off: a thread without Python's lock ends it if this is not called again."""
        if self._guarded:
            faulthandler.dump_traceback_later(LEASE_S, exit=True)

    def report(self, progress: Progress) -> None:
        """Write the progress, which renews the lease, unless that was done a moment ago.

        Raises TimedOut after MAX_JOB_S.
        """
        memory.note(progress.step)
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
            log.warning("job %s: progress not written: %s", self._job.id, error)
        self._reported_at = time.monotonic()

    def tick(self, fraction: float) -> None:
        """Report what has one step only; raises Stopped once the job is no longer ours."""
        self.report(Progress("reading", fraction, READING))
        if self._lost:
            raise Stopped

    def is_lost(self) -> bool:
        """True once somebody cancelled the job or took it over."""
        return self._lost

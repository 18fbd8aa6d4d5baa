"""A lease is renewed by progress reports, survives a locked database, and notices when it is lost."""

import time

import pytest

from chromi.db import TEMPORARY_ERRORS, Job, Lease
from chromi.db import lease as lease_module
from chromi.encoder import Progress
from chromi.encoder.encoder_errors import Cancelled, TimedOut


def test_attempt_times_out_although_it_reports_progress(
    running: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress("reading", 0.5, "")
    Job.update(heartbeat_at=0).execute()
    with Lease(running, watchdog=False) as lease:
        lease.report(progress)
        assert Job.find(running.id).heartbeat_at == pytest.approx(time.time(), abs=5)
        monkeypatch.setattr(lease_module, "MAX_JOB_S", 0)
        monkeypatch.setattr(lease_module, "REPORT_INTERVAL_S", 0)
        with pytest.raises(TimedOut):
            lease.report(progress)


@pytest.mark.parametrize("error", TEMPORARY_ERRORS)
def test_report_that_cannot_be_written_does_not_end_the_job(
    running: Job, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(**_: object) -> bool:
        raise error("the database is locked, unreachable or read-only")

    lease = Lease(running, watchdog=False)
    monkeypatch.setattr(running, "_transition", fail)
    lease.tick(0.5)
    assert not lease.is_lost()


def test_lease_is_lost_when_the_job_is_cancelled(running: Job) -> None:
    Job.cancel(running.id)
    lease = Lease(running, watchdog=False)
    with pytest.raises(Cancelled):
        lease.tick(0.5)
    assert lease.is_lost()

"""A job ends in the state that its handler's error calls for, and a fault after its end changes nothing."""

import errno
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from peewee import OperationalError

from chromi.config import Settings
from chromi.db import Job, JobKind, State
from chromi.jobs import handlers, runner
from chromi.jobs.runner import run_job
from chromi.storage import Storage
from tests.jobs.conftest import create_job

pytestmark = pytest.mark.usefixtures("open_instance")


def run_with(
    handler: handlers.Handler, settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> tuple[Job, bool]:
    """Run a search for loops with another handler; return the job, and whether it was put back."""
    job_type = replace(handlers.JOB_TYPES[JobKind.LOOPS], run=handler)
    monkeypatch.setitem(handlers.JOB_TYPES, JobKind.LOOPS, job_type)
    job_id = create_job(State.QUEUED, kind=JobKind.LOOPS).id
    job = Job.claim(job_id, "worker-1")
    assert job
    is_queued_again = run_job(job, settings, storage)
    return Job.find(job_id), is_queued_again


def raise_disk_full(*arguments: object) -> Mapping[str, Any]:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_is_reported_for_every_kind_of_job(
    settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = run_with(raise_disk_full, settings, storage, monkeypatch)
    assert (job.state, job.error_code) == (State.FAILED, "disk_full")


def test_fault_after_the_end_does_not_change_the_result(
    settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(runner, "remove_job_leftovers", fail)
    job, is_queued_again = run_with(lambda *_: {"loops": []}, settings, storage, monkeypatch)
    assert (job.state, is_queued_again) == (State.SUCCESS, False)

"""Each worker's heartbeat thread also recovers lost jobs."""

import time

import pytest

from chromi.db import LEASE_S, Job, State
from chromi.jobs import heartbeat, recovery
from chromi.jobs.queue import Queue
from chromi.storage import Storage


def test_heartbeat_requeues_job_with_expired_lease_once(
    queue: Queue, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "RECHECK_DELAY_S", 0)
    expired, current = (
        Job.create(options_json={}, state=State.IN_PROGRESS, attempts=1, heartbeat_at=time.time() - age_s)
        for age_s in (LEASE_S + 1, LEASE_S - 5)
    )
    heartbeat._recover(storage, queue.sizes, queue.enqueue)
    assert [Job.find(job.id).state for job in (expired, current)] == [State.QUEUED, State.IN_PROGRESS]
    assert queue.sizes() == {"convert": 1, "studio": 0}
    heartbeat._recover(storage, queue.sizes, queue.enqueue)
    assert queue.size() == 1

"""A worker counts as alive while it sends heartbeats."""

import time
from pathlib import Path

import pytest

from chromi.config import QUEUES
from chromi.db import Worker

pytestmark = pytest.mark.usefixtures("open_db")


def test_worker_is_alive_while_it_sends_heartbeats(open_db: Path) -> None:
    assert not Worker.is_any_alive()
    Worker.record_heartbeat("worker-1", QUEUES)
    Worker.record_heartbeat("worker-1", QUEUES)
    assert Worker.is_any_alive()
    assert Worker.select().count() == 1


def test_worker_is_alive_for_its_own_queues_only() -> None:
    Worker.record_heartbeat("worker-1", ["studio"])
    assert [Worker.is_any_alive(queue) for queue in QUEUES] == [False, True]
    Worker.record_heartbeat("worker-2", ["convert"])
    assert all(Worker.is_any_alive(queue) for queue in QUEUES)


@pytest.mark.parametrize("age_s", [60, -3600], ids=["old", "before the clock was set back"])
def test_worker_without_recent_heartbeat_is_dead(age_s: int) -> None:
    Worker.create(id="worker-1", seen_at=time.time() - age_s)
    assert not Worker.is_any_alive()

"""One instance folder at a time has the files of a database."""

import time

import pytest

from chromi.config import QUEUES
from chromi.db import FilesOwner, Worker

pytestmark = pytest.mark.usefixtures("open_db")


def test_first_folder_is_the_owner_and_may_claim_again() -> None:
    assert FilesOwner.claim("first")
    Worker.record_heartbeat("worker-1", QUEUES)
    assert FilesOwner.claim("first")
    assert FilesOwner.is_owned_by("first")


def test_other_folder_is_refused_while_a_worker_is_alive() -> None:
    assert FilesOwner.claim("first")
    Worker.record_heartbeat("worker-1", QUEUES)
    assert not FilesOwner.claim("second")
    assert FilesOwner.is_owned_by("first")
    Worker.update(seen_at=time.time() - 60).execute()
    assert FilesOwner.claim("second")
    assert not FilesOwner.is_owned_by("first")

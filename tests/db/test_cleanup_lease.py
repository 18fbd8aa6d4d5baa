"""One process at a time holds the lease for the cleanup."""

import time

import pytest

from chromi.db import CleanupLease
from chromi.db.cleanup_lease import CLEANUP_LEASE_S

pytestmark = pytest.mark.usefixtures("open_db")


def test_lease_is_held_by_one_process_until_it_is_released() -> None:
    assert CleanupLease.acquire("first")
    assert not CleanupLease.acquire("second")
    CleanupLease.release("second")
    assert not CleanupLease.acquire("second")
    CleanupLease.release("first")
    assert CleanupLease.acquire("second")


@pytest.mark.parametrize("expires_in_s", [-1, CLEANUP_LEASE_S + 60])
def test_lease_of_dead_process_or_of_the_future_can_be_taken(expires_in_s: float) -> None:
    assert CleanupLease.acquire("dead")
    CleanupLease.update(expires_at=time.time() + expires_in_s).execute()
    assert CleanupLease.acquire("alive")

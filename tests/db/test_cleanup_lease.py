"""One process at a time holds the lease for the cleanup."""

import time

import pytest

from chromi.db import MAX_CLOCK_DIFFERENCE_S, CleanupLease, cleanup_lease
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


def test_clocks_of_machines_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CleanupLease.acquire("first")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - MAX_CLOCK_DIFFERENCE_S + 1)
    assert not CleanupLease.acquire("second")
    assert CleanupLease.was_held_recently()


def test_long_cleanup_renews_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup_lease, "RENEWAL_INTERVAL_S", 0)
    assert CleanupLease.acquire("long")
    for _ in CleanupLease.renew_during("long", range(3)):
        assert not CleanupLease.acquire("other")
        CleanupLease.update(expires_at=time.time() + 0.001).execute()


def test_long_cleanup_stops_once_another_has_taken_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup_lease, "RENEWAL_INTERVAL_S", 0)
    assert CleanupLease.acquire("suspended")
    CleanupLease.update(holder="other").execute()
    assert list(CleanupLease.renew_during("suspended", range(3))) == []


def test_missing_cleanup_is_noticed() -> None:
    assert not CleanupLease.was_held_recently()
    CleanupLease.acquire("holder")
    assert CleanupLease.was_held_recently()
    CleanupLease.release("holder")
    assert CleanupLease.was_held_recently()
    CleanupLease.update(expires_at=time.time() - cleanup_lease.MAX_AGE_S - 1).execute()
    assert not CleanupLease.was_held_recently()

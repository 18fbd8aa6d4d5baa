"""Rate limits refill at a constant rate and survive restarts and clock changes."""

import threading
import time

import pytest

from chromi.db import RateLimit, RateLimitUsage, database

pytestmark = pytest.mark.usefixtures("open_db")

THREE = RateLimit("calls", 3)
HUNDRED = RateLimit("bytes", 100)
FIVE = RateLimit("calls", 5)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in a list so that a test can change it."""
    now = [time.time()]
    monkeypatch.setattr("chromi.db.rate_limit.time.time", lambda: now[0])
    return now


@pytest.mark.usefixtures("clock")
def test_full_amount_may_be_used_at_once_and_no_more() -> None:
    assert [THREE.acquire("a") for _ in range(4)] == [True, True, True, False]
    assert THREE.acquire("b"), "another address has its own"
    assert HUNDRED.acquire("a"), "as has another limit"


def test_amount_becomes_available_at_a_constant_rate(clock: list[float]) -> None:
    for _ in range(3):
        THREE.acquire("a")
    assert THREE.wait_s("a") == pytest.approx(1200)
    clock[0] += 1201
    assert THREE.wait_s("a") == 0
    assert [THREE.acquire("a"), THREE.acquire("a")] == [True, False]


@pytest.mark.usefixtures("clock")
def test_acquired_amount_counts_and_rejected_amount_does_not() -> None:
    assert HUNDRED.acquire("a", 60)
    assert HUNDRED.wait_s("a", 60) == pytest.approx(720)
    assert not HUNDRED.acquire("a", 60)
    assert HUNDRED.acquire("a", 40)


def test_window_may_be_shorter_than_an_hour(clock: list[float]) -> None:
    few = RateLimit("tries", 2, window_s=60)
    assert [few.acquire("a") for _ in range(3)] == [True, True, False]
    assert few.wait_s("a") == pytest.approx(30)
    clock[0] += 31
    assert few.acquire("a")


@pytest.mark.usefixtures("clock")
def test_reset_makes_the_full_amount_available() -> None:
    THREE.acquire("a", 3)
    HUNDRED.acquire("a", 100)
    THREE.reset("a")
    assert [THREE.acquire("a", 3), HUNDRED.acquire("a")] == [True, False]


@pytest.mark.usefixtures("clock")
def test_charge_and_refund_change_the_available_amount() -> None:
    assert HUNDRED.acquire("a", 10)
    HUNDRED.charge("a", 50)
    assert not HUNDRED.acquire("a", 41)
    HUNDRED.charge("a", -20)
    assert [HUNDRED.acquire("a", 60), HUNDRED.acquire("a")] == [True, False]


@pytest.mark.usefixtures("clock")
def test_charges_and_refunds_are_limited_to_one_window() -> None:
    for taker in ("a", "b"):
        HUNDRED.charge(taker, 1000)
        HUNDRED.charge(taker, 1000)
    assert HUNDRED.wait_s("a", 100) == pytest.approx(3600)
    HUNDRED.charge("b", -1000)
    HUNDRED.charge("c", -1000)
    for taker in ("b", "c"):
        assert [HUNDRED.acquire(taker, 100), HUNDRED.acquire(taker)] == [True, False]


def test_clock_set_back_does_not_extend_the_wait(clock: list[float]) -> None:
    for _ in range(3):
        THREE.acquire("a")
    clock[0] -= 86400
    assert THREE.wait_s("a") == pytest.approx(1200)


def test_usage_survives_a_restart_and_is_deleted_once_expired(clock: list[float]) -> None:
    THREE.acquire("a", 3)
    database.close()
    database.connect()
    assert not THREE.acquire("a")
    assert RateLimitUsage.delete_expired() == 0
    clock[0] += 3601
    assert RateLimitUsage.delete_expired() == 1
    assert THREE.acquire("a", 3)


def test_concurrent_calls_acquire_no_more_than_the_amount() -> None:
    taken = []

    def take() -> None:
        with database.connection_context():
            taken.append(FIVE.acquire("a"))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(True) == 5

"""What an address may have within an hour comes back evenly, and survives restarts and clocks."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chromi.models import Allowance, database, open_database


@pytest.fixture(autouse=True)
def _database(tmp_path: Path) -> Iterator[None]:
    open_database(tmp_path)
    database.connect()
    yield
    database.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in a list so that a test can move it."""
    now = [time.time()]
    monkeypatch.setattr("chromi.models.allowances.time.time", lambda: now[0])
    return now


@pytest.mark.usefixtures("clock")
def test_an_hours_worth_may_be_taken_at_once_and_no_more() -> None:
    assert [Allowance.take("a", 1, 3) for _ in range(4)] == [True, True, True, False]
    assert Allowance.take("b", 1, 3), "another address has its own"


def test_it_comes_back_evenly(clock: list[float]) -> None:
    for _ in range(3):
        Allowance.take("a", 1, 3)
    assert Allowance.wait_s("a", 1, 3) == pytest.approx(1200)
    clock[0] += 1201
    assert Allowance.wait_s("a", 1, 3) == 0
    assert [Allowance.take("a", 1, 3), Allowance.take("a", 1, 3)] == [True, False]


@pytest.mark.usefixtures("clock")
def test_amounts_count_and_looking_does_not() -> None:
    assert Allowance.take("a", 60, 100)
    assert Allowance.wait_s("a", 60, 100) == pytest.approx(720)
    assert not Allowance.take("a", 60, 100)
    assert Allowance.take("a", 40, 100)


def test_a_clock_set_back_keeps_nobody_out_for_longer_than_an_hour(clock: list[float]) -> None:
    for _ in range(3):
        Allowance.take("a", 1, 3)
    clock[0] -= 86400
    assert Allowance.wait_s("a", 1, 3) == pytest.approx(1200)


def test_it_survives_a_restart_and_goes_once_it_says_nothing(clock: list[float]) -> None:
    Allowance.take("a", 3, 3)
    database.close()
    database.connect()
    assert not Allowance.take("a", 1, 3)
    assert Allowance.forget_unused() == 0
    clock[0] += 3601
    assert Allowance.forget_unused() == 1
    assert Allowance.take("a", 3, 3)


def test_of_many_at_once_exactly_as_many_go_through() -> None:
    taken = []

    def take() -> None:
        with database.connection_context():
            taken.append(Allowance.take("a", 1, 5))

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(True) == 5

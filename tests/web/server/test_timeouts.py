"""How long a connection may take, with a clock that a test moves."""

from dataclasses import dataclass

import pytest
from chromi.web.server.eviction import find_one_to_cut

from chromi.web.server.timeouts import (
    LOADED_TIMEOUT_S,
    REQUEST_TIMEOUT_S,
    STEADY_BYTES_S,
    WINDOW_BYTES,
    WINDOW_S,
    Pace,
    Phase,
)


def is_cut(pace: Pace, phase: Phase, now: float, *, is_pressed: bool = False) -> bool:
    return pace.is_too_slow(phase, now, is_pressed=is_pressed)


def test_headers_have_a_time_whatever_trickles_in() -> None:
    pace = Pace(0)
    for now in range(int(REQUEST_TIMEOUT_S)):
        pace.move(1000)
        assert not is_cut(pace, Phase.REQUEST, now)
    assert is_cut(pace, Phase.REQUEST, REQUEST_TIMEOUT_S + 1)


@pytest.mark.parametrize("phase", [Phase.UPLOAD, Phase.ANSWER])
def test_a_quick_start_does_not_pay_for_a_slow_end(phase: Phase) -> None:
    pace = Pace(0)
    is_cut(pace, phase, 0)
    pace.move(100_000_000)
    assert not is_cut(pace, phase, WINDOW_S + 1)
    pace.move(60)
    assert is_cut(pace, phase, 2 * WINDOW_S + 2)


@pytest.mark.parametrize("phase", [Phase.UPLOAD, Phase.ANSWER])
def test_who_is_slow_but_steady_goes_on(phase: Phase) -> None:
    pace = Pace(0)
    for now in range(0, 600, 10):
        pace.move(WINDOW_BYTES // 5)
        assert not is_cut(pace, phase, now)


def test_we_may_take_our_time() -> None:
    pace = Pace(0)
    assert not any(is_cut(pace, Phase.WORK, now, is_pressed=True) for now in (0, 1000, 2000))


def test_a_rest_ends_when_places_are_few() -> None:
    pace = Pace(0)
    is_cut(pace, Phase.REST, 0)
    assert not is_cut(pace, Phase.REST, 30)
    assert is_cut(pace, Phase.REST, 30, is_pressed=True)


def test_a_new_phase_has_its_own_time() -> None:
    pace = Pace(0)
    assert not is_cut(pace, Phase.REQUEST, REQUEST_TIMEOUT_S - 1)
    assert not is_cut(pace, Phase.UPLOAD, REQUEST_TIMEOUT_S + 1)
    assert not is_cut(pace, Phase.REQUEST, REQUEST_TIMEOUT_S + LOADED_TIMEOUT_S)
    assert is_cut(pace, Phase.REQUEST, REQUEST_TIMEOUT_S + 2 * LOADED_TIMEOUT_S + 0.1, is_pressed=True)


def paced(phase: Phase, *, bytes_s: int, seconds: int) -> Pace:
    """A connection that has been in this phase for so long, looked at each second."""
    pace = Pace(0)
    for now in range(seconds + 1):
        is_cut(pace, phase, now)
        pace.move(bytes_s)
    return pace


@pytest.mark.parametrize("phase", [Phase.UPLOAD, Phase.ANSWER])
def test_the_slow_keep_us_waiting_and_more_from_window_to_window(phase: Phase) -> None:
    seconds = int(2.5 * WINDOW_S)
    slow, slower = (paced(phase, bytes_s=rate, seconds=seconds) for rate in (5000, 2500))
    assert slower.waited_s(seconds) > slow.waited_s(seconds) > WINDOW_S
    assert paced(phase, bytes_s=STEADY_BYTES_S, seconds=seconds).waited_s(seconds) <= 0


def test_what_takes_us_long_is_nobody_elses_fault() -> None:
    assert paced(Phase.WORK, bytes_s=0, seconds=100).waited_s(100) == 0


@dataclass
class Connection:
    client: str
    has_waited_s: float

    def waited_s(self, now: float) -> float:
        return self.has_waited_s


def test_the_greediest_makes_way_by_its_slowest() -> None:
    slowest = Connection("greedy", 5)
    phone = Connection("phone", 500)
    fast = [Connection("greedy", -number) for number in range(3)]
    office = [Connection("office", 50) for _ in range(3)]
    assert find_one_to_cut([phone, *office, *fast, slowest], 0) is slowest


def test_of_one_connection_each_the_slowest_makes_way() -> None:
    clients = [Connection(f"1.1.1.{number}", number) for number in range(5)]
    assert find_one_to_cut(clients, 0) is clients[-1]

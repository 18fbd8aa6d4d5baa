"""How long a connection may take, with a clock that a test moves."""

import pytest

from chromi.web.pace import HEADER_S, PRESSED_S, WINDOW_BYTES, WINDOW_S, Pace, Phase


def is_cut(pace: Pace, phase: Phase, now: float, *, is_pressed: bool = False) -> bool:
    return pace.is_too_slow(phase, now, is_pressed=is_pressed)


def test_headers_have_a_time_whatever_trickles_in() -> None:
    pace = Pace(0)
    for now in range(int(HEADER_S)):
        pace.move(1000)
        assert not is_cut(pace, Phase.REQUEST, now)
    assert is_cut(pace, Phase.REQUEST, HEADER_S + 1)


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
    assert not is_cut(pace, Phase.REQUEST, HEADER_S - 1)
    assert not is_cut(pace, Phase.UPLOAD, HEADER_S + 1)
    assert not is_cut(pace, Phase.REQUEST, HEADER_S + PRESSED_S)
    assert is_cut(pace, Phase.REQUEST, HEADER_S + 2 * PRESSED_S + 0.1, is_pressed=True)

"""Connections have timeouts and a minimum throughput; the tests move the clock."""

import pytest

from chromi.web.server.connection_timer import (
    LOADED_TIMEOUT_S,
    MIN_WINDOW_BYTES,
    REQUEST_TIMEOUT_S,
    WINDOW_S,
    ConnectionTimer,
    Phase,
)

TRANSFERS = [Phase.RECEIVING_UPLOAD, Phase.SENDING]


def is_too_slow(timer: ConnectionTimer, phase: Phase, now: float, *, is_loaded: bool = False) -> bool:
    return timer.is_too_slow(phase, now, is_loaded=is_loaded)


def test_request_times_out_even_if_bytes_keep_arriving() -> None:
    timer = ConnectionTimer(0)
    for now in range(int(REQUEST_TIMEOUT_S)):
        timer.count_bytes(1000)
        assert not is_too_slow(timer, Phase.RECEIVING_REQUEST, now)
    assert is_too_slow(timer, Phase.RECEIVING_REQUEST, REQUEST_TIMEOUT_S + 1)


@pytest.mark.parametrize("phase", TRANSFERS)
def test_fast_start_does_not_compensate_for_a_slow_end(phase: Phase) -> None:
    timer = ConnectionTimer(0)
    is_too_slow(timer, phase, 0)
    timer.count_bytes(100_000_000)
    assert not is_too_slow(timer, phase, WINDOW_S + 1)
    timer.count_bytes(60)
    assert is_too_slow(timer, phase, 2 * WINDOW_S + 2)


@pytest.mark.parametrize("phase", TRANSFERS)
def test_slow_but_steady_transfer_continues(phase: Phase) -> None:
    timer = ConnectionTimer(0)
    for now in range(0, 600, 10):
        timer.count_bytes(MIN_WINDOW_BYTES // 5)
        assert not is_too_slow(timer, phase, now)


def test_processing_has_no_timeout() -> None:
    timer = ConnectionTimer(0)
    assert not any(is_too_slow(timer, Phase.PROCESSING, now, is_loaded=True) for now in (0, 1000, 2000))


def test_idle_connection_is_closed_only_under_load() -> None:
    timer = ConnectionTimer(0)
    is_too_slow(timer, Phase.IDLE, 0)
    assert not is_too_slow(timer, Phase.IDLE, 30)
    assert is_too_slow(timer, Phase.IDLE, 30, is_loaded=True)


def test_each_phase_has_its_own_timeout() -> None:
    timer = ConnectionTimer(0)
    assert not is_too_slow(timer, Phase.RECEIVING_REQUEST, REQUEST_TIMEOUT_S - 1)
    assert not is_too_slow(timer, Phase.RECEIVING_UPLOAD, REQUEST_TIMEOUT_S + 1)
    assert not is_too_slow(timer, Phase.RECEIVING_REQUEST, REQUEST_TIMEOUT_S + LOADED_TIMEOUT_S)
    later = REQUEST_TIMEOUT_S + 2 * LOADED_TIMEOUT_S + 0.1
    assert is_too_slow(timer, Phase.RECEIVING_REQUEST, later, is_loaded=True)

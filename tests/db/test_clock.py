"""A machine whose clock differs from the database server's does not start, and reports later drift."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from chromi.db import MAX_CLOCK_DIFFERENCE_S, check_clock, clock
from chromi.errors import ServiceUnhealthy
from tests.support.running_service import run_service

FAST_CLOCK = """
import runpy, sys, time
real_time = time.time
time.time = lambda: real_time() + 3600
sys.argv = ["chromi", "web"]
runpy.run_module("chromi", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.usefixtures("open_db")
@pytest.mark.parametrize("open_db", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("shift_s", "words"), [(42, "42 s ahead of"), (-42, "42 s behind")])
def test_drift_is_reported(shift_s: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_clock()
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: time.time() + shift_s))
    with pytest.raises(ServiceUnhealthy, match=f"clock is {words} the database server's"):
        check_clock()


@pytest.mark.usefixtures("open_db")
def test_small_difference_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    shift_s = MAX_CLOCK_DIFFERENCE_S - 1
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: time.time() + shift_s))
    check_clock()


@pytest.mark.service
def test_service_with_a_wrong_clock_does_not_start(postgres_settings: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as failure:
        run_service(tmp_path / "instance", postgres_settings, ("-c", FAST_CLOCK))
    assert "This machine's clock is 3600 s ahead of the database server's. Synchronize" in str(failure.value)
    assert "Traceback" not in str(failure.value)

"""A worker's name tells whether its process has ended."""

import os
import subprocess
import sys

import pytest

from chromi.worker_process import has_ended, name_of_this_process


def test_a_running_process_has_not_ended() -> None:
    assert not has_ended(name_of_this_process())


def test_a_process_that_is_gone_has_ended() -> None:
    program = "from chromi.worker_process import name_of_this_process as name; print(name())"
    name = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert has_ended(name.strip())


def test_a_later_process_with_the_same_number_is_another() -> None:
    host, pid, started = name_of_this_process().rsplit(":", 2)
    assert int(pid) == os.getpid()
    assert has_ended(f"{host}:{pid}:{int(started) - 1}")


@pytest.mark.parametrize("name", [None, "", "w", "elsewhere:1:1", "host:x:1", "::", "host:1"])
def test_of_others_nothing_is_known(name: str | None) -> None:
    assert not has_ended(name)

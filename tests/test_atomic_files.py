"""Files are flushed to the disk range by range, and disk errors are raised."""

import errno
import os
from pathlib import Path

import pytest

from chromi import atomic_files
from chromi.atomic_files import _RANGE_BYTES, flush
from chromi.encoder.encoder_errors import Cancelled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_bytes(bytes(2 * _RANGE_BYTES + 1))
    return path


@pytest.mark.parametrize("mode", ["rb", "r+b"])
def test_flush_can_be_interrupted_before_each_range(path: Path, mode: str) -> None:
    checks = []
    with path.open(mode) as file:
        flush(file, lambda: checks.append(1))
    assert len(checks) == 3

    def stop() -> None:
        raise Cancelled

    with path.open(mode) as file, pytest.raises(Cancelled):
        flush(file, stop)


def test_flush_raises_disk_errors(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.close(descriptor)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        atomic_files._write_range(descriptor, 0)


def test_flush_works_without_range_support() -> None:
    read_end, write_end = os.pipe()
    atomic_files._write_range(read_end, 0)
    os.close(read_end)
    os.close(write_end)

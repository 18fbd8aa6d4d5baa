"""Simulate the free space of a disk."""

import shutil
from collections import namedtuple

import pytest

Usage = namedtuple("Usage", "total used free")


def set_free_space(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    """Make every disk appear to have this many free bytes."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**10, 10**10 - free_bytes, free_bytes))

"""Fixtures for the sandbox tests."""

from collections.abc import Iterator

import pytest

from chromi.encoder.process import sandbox


@pytest.fixture
def fresh_detection(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clear the cached result of `detect_sandbox` before and after the test."""
    sandbox.detect_sandbox.cache_clear()
    yield
    monkeypatch.undo()
    sandbox.detect_sandbox.cache_clear()

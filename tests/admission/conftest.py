"""Limits are tested through the HTTP interface, with the fixtures of its tests."""

from tests.web.conftest import convert, job, upload

__all__ = ["convert", "job", "upload"]

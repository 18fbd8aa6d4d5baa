"""Low limits, which the tests reach through the HTTP interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from chromi.admission.admission_control import AdmissionControl
from chromi.config import Settings
from chromi.db.connection import configure_database

ON_EACH_DATABASE = pytest.mark.parametrize("settings", ["sqlite", "postgres"], indirect=True)
"""Runs a test with SQLite and with PostgreSQL, because their sums have different types."""


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    is_server = getattr(request, "param", "sqlite") == "postgres"
    servers = request.getfixturevalue("postgres_settings") if is_server else {}
    yield Settings(
        instance=tmp_path / "instance",
        inline=True,
        max_upload_mb=20,
        max_queue=6,
        max_uploads=6,
        uploads_per_hour=3,
        jobs_per_hour=2,
        upload_mb_per_hour=20,
        **servers,
    )
    configure_database(tmp_path, "")


@pytest.fixture
def admission(app: Flask) -> AdmissionControl:
    admission: AdmissionControl = app.extensions["chromi"].admission
    return admission

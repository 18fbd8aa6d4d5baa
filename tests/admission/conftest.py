"""Low limits, which the tests reach through the HTTP interface."""

from pathlib import Path

import pytest
from flask import Flask

from chromi.admission.admission_control import AdmissionControl
from chromi.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        instance=tmp_path / "instance",
        inline=True,
        max_upload_mb=20,
        max_queue=6,
        max_uploads=6,
        uploads_per_hour=3,
        jobs_per_hour=2,
        upload_mb_per_hour=20,
    )


@pytest.fixture
def admission(app: Flask) -> AdmissionControl:
    admission: AdmissionControl = app.extensions["chromi"].admission
    return admission

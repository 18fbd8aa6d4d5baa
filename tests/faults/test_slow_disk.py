"""A slow disk delays jobs but does not make them fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.service


def test_worker_keeps_its_lease_on_a_slow_disk(tmp_path: Path, plain_clip: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.slow_disk_job", plain_clip],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("success\n", 0), done.stderr

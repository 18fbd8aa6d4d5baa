"""Every process of the service keeps its memory from others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

IS_TRACEABLE = "import ctypes; print('dumpable', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE


@pytest.mark.parametrize(
    "program",
    [
        "import wsgi",
        "import worker",
        "from chromi.__main__ import main; main(['doctor'], standalone_mode=False)",
    ],
    ids=["web server", "worker", "command"],
)
@pytest.mark.slow
def test_no_other_process_can_trace_it(program: str, tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", f"try:\n    {program}\nexcept SystemExit: pass\n{IS_TRACEABLE}"],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "dumpable 0" in started.stdout, started.stderr

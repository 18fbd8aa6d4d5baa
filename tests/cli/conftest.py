"""Run commands of `python -m chromi` as from a shell."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.paths import ROOT

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_command(tmp_path: Path) -> RunCommand:
    """Run a command on the instance folder `instance` of the test's own folder."""

    def run(
        *arguments: str | Path, cwd: str = str(ROOT), **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        paths = {"CHROMI_INSTANCE": str(tmp_path / "instance"), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "chromi", *map(str, arguments)],
            cwd=cwd,
            env=os.environ | paths | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run

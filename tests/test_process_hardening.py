"""Converters cannot read the memory of our processes, and a required sandbox is enforced."""

import os
import subprocess
import sys
from collections.abc import Iterator
from errno import ENOSYS
from pathlib import Path

import psutil
import pytest

from chromi.encoder.process import sandbox
from chromi.encoder.process.landlock import find_abi
from chromi.encoder.process.sandbox import Sandbox
from chromi.encoder.process.seccomp import make_filter
from chromi.encoder.process.subprocess_runner import ProcessLimits, run_program
from tests.support.blocked_syscalls import block_syscall
from tests.support.http_forms import LAST_FRAMES
from tests.support.paths import ROOT
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import start_job, wait_for_end
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not (find_abi() and make_filter()), reason="this kernel has no full sandbox"),
]

LANDLOCK_CREATE_RULESET = 444
WITHOUT_LANDLOCK = block_syscall(LANDLOCK_CREATE_RULESET, ENOSYS)
WITHOUT_CAPABILITIES = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
"""Root without capabilities has the same access to other processes as an ordinary user."""
UNPRIVILEGED = WITHOUT_CAPABILITIES if os.getuid() == 0 else ()


@pytest.fixture(scope="module")
def service_without_landlock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on a kernel without Landlock."""
    folder = tmp_path_factory.mktemp("service")
    service = run_service(folder / "instance", {}, wrapper=(*UNPRIVILEGED, *WITHOUT_LANDLOCK))
    wait_for(lambda: len(service.processes()) >= 5, "supervisor, web, consumer, scheduler and worker")
    yield service
    end_service(service)


READ_PROCESS = """
import sys
for name in ("mem", "environ"):
    try:
        open(f"/proc/{sys.argv[1]}/{name}", "rb")
        print(name)
    except PermissionError:
        pass
"""


def find_readable_files(pid: int) -> set[str]:
    """Return which of another process's `mem` and `environ` a converter without Landlock can open."""
    names: list[str] = []
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", READ_PROCESS, str(pid)]
    run_program(command, limits=ProcessLimits(20, 0), on_output=names.append).check()
    return set(names)


def test_converter_cannot_open_memory_of_service_processes(
    service_without_landlock: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "detect_sandbox", lambda: Sandbox(0, make_filter()))
    pids = [process.pid for process in service_without_landlock.processes()]
    assert {pid: find_readable_files(pid) for pid in pids} == {pid: set() for pid in pids}
    with subprocess.Popen([*UNPRIVILEGED, "sleep", "60"]) as other:
        wait_for(lambda: psutil.Process(other.pid).name() == "sleep", "its start")
        readable = find_readable_files(other.pid)
        other.kill()
    # Yama or a container may deny access to all processes.
    assert readable in ({"mem", "environ"}, {"environ"}, set())


def test_protected_service_converts_clip(service_without_landlock: Service, plain_clip: Path) -> None:
    job_id = start_job(service_without_landlock, plain_clip, **LAST_FRAMES)
    assert wait_for_end(service_without_landlock, job_id)["status"] == "success"


CONSUMER = ("-m", "huey.bin.huey_consumer", "worker.huey", "-k", "process")
COMMANDS = {
    "serve": ("-m", "chromi", "serve"),
    "web": ("-m", "chromi", "web"),
    "wsgi": ("-c", "import wsgi"),
    "consumer": CONSUMER,
    "doctor": ("-m", "chromi", "doctor"),
    "convert": ("-m", "chromi", "convert", "CLIP", "out.gif"),
    "find-loops": ("-m", "chromi", "find-loops", "CLIP"),
    "preview": ("-m", "chromi", "preview", "CLIP", "out.mp4"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_missing_required_sandbox_stops_every_command(
    command: tuple[str, ...], plain_clip: Path, tmp_path: Path
) -> None:
    arguments = [str(plain_clip) if argument == "CLIP" else argument for argument in command]
    environ = {"CHROMI_INSTANCE": str(tmp_path), "CHROMI_REQUIRE_SANDBOX": "true", "PYTHONPATH": str(ROOT)}
    completed = subprocess.run(
        [*WITHOUT_LANDLOCK, sys.executable, *arguments],
        cwd=ROOT if command == CONSUMER else tmp_path,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert completed.returncode == 1
    assert "ffmpeg is not fully sandboxed here: seccomp alone: " in completed.stdout + completed.stderr
    assert not list(tmp_path.glob("out.*"))


def test_clip_is_converted_in_required_sandbox(plain_clip: Path, tmp_path: Path) -> None:
    command = ["-m", "chromi", "preview", str(plain_clip), str(tmp_path / "out.mp4")]
    environ = os.environ | {"CHROMI_REQUIRE_SANDBOX": "true"}
    assert subprocess.run([sys.executable, *command], cwd=ROOT, env=environ, timeout=60).returncode == 0
    assert (tmp_path / "out.mp4").exists()

"""Our own processes keep their memory to themselves, and ask for the sandbox that the settings ask for."""

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
POWERLESS = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
"""Root without capabilities has no more power over other processes than an ordinary user."""
INSIDE = POWERLESS if os.getuid() == 0 else ()


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service where the kernel has no Landlock."""
    folder = tmp_path_factory.mktemp("exposed")
    service = run_service(folder / "instance", {}, wrapper=(*INSIDE, *WITHOUT_LANDLOCK))
    wait_for(lambda: len(service.processes()) >= 5, "supervisor, web, consumer, scheduler and worker")
    yield service
    end_service(service)


def can_be_opened(pid: int) -> set[str]:
    """What a converter that seccomp alone encloses can open of another process."""
    found: list[str] = []
    attempt = """
import sys
for name in ("mem", "environ"):
    try:
        open(f"/proc/{sys.argv[1]}/{name}", "rb")
        print(name)
    except PermissionError:
        pass
"""
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", attempt, str(pid)]
    run_program(command, limits=ProcessLimits(20, 0), on_output=found.append).check()
    return set(found)


def test_a_converter_cannot_open_the_memory_of_any_process_of_the_service(
    exposed: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "detect_sandbox", lambda: Sandbox(0, make_filter()))
    assert {pid: can_be_opened(pid) for pid in [each.pid for each in exposed.processes()]} == {
        each.pid: set() for each in exposed.processes()
    }
    with subprocess.Popen([*INSIDE, "sleep", "60"]) as other:
        wait_for(lambda: psutil.Process(other.pid).name() == "sleep", "its start")
        opened = can_be_opened(other.pid)
        other.kill()
    assert opened in ({"mem", "environ"}, {"environ"}, set()), "Yama or a container may refuse it everywhere"


def test_a_clip_is_converted_by_a_service_so_protected(exposed: Service, plain_clip: Path) -> None:
    assert wait_for_end(exposed, start_job(exposed, plain_clip, duration="1"))["status"] == "success"


CONSUMER = ("-m", "huey.bin.huey_consumer", "worker.huey", "-k", "process")
PROGRAMS = {
    "serve": ("-m", "chromi", "serve"),
    "web": ("-m", "chromi", "web"),
    "wsgi": ("-c", "import wsgi"),
    "consumer": CONSUMER,
    "doctor": ("-m", "chromi", "doctor"),
    "convert": ("-m", "chromi", "convert", "CLIP", "made.gif"),
    "find-loops": ("-m", "chromi", "find-loops", "CLIP"),
    "preview": ("-m", "chromi", "preview", "CLIP", "made.mp4"),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_nothing_starts_where_the_sandbox_that_is_required_is_not_there(
    program: tuple[str, ...], clip: Path, tmp_path: Path
) -> None:
    words = [str(clip) if word == "CLIP" else word for word in program]
    environ = {"CHROMI_INSTANCE": str(tmp_path), "CHROMI_REQUIRE_SANDBOX": "true", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*WITHOUT_LANDLOCK, sys.executable, *words],
        cwd=ROOT if program == CONSUMER else tmp_path,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert "ffmpeg is not fully sandboxed here: seccomp alone: " in done.stdout + done.stderr
    assert not list(tmp_path.glob("made.*"))


def test_with_the_sandbox_that_is_required_a_clip_is_converted(clip: Path, tmp_path: Path) -> None:
    command = ["-m", "chromi", "preview", str(clip), str(tmp_path / "made.mp4")]
    environ = os.environ | {"CHROMI_REQUIRE_SANDBOX": "true"}
    assert subprocess.run([sys.executable, *command], cwd=ROOT, env=environ, timeout=60).returncode == 0
    assert (tmp_path / "made.mp4").exists()

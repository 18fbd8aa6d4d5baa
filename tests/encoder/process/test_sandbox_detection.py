"""Each process uses the strongest sandbox that works, on any kernel, in containers and under overload."""

import errno
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from chromi.encoder import probe_video
from chromi.encoder.encoder_errors import ConverterKilled
from chromi.encoder.process import sandbox, seccomp
from chromi.encoder.process.landlock import find_abi
from chromi.encoder.process.launcher import EXIT_CANNOT_START
from chromi.encoder.process.sandbox import Sandbox
from chromi.encoder.process.seccomp import make_filter
from chromi.encoder.process.subprocess_runner import run_program
from chromi.errors import ServiceBusy
from tests.encoder.process.sandboxes import (
    FULL_SANDBOX,
    LANDLOCK_ONLY,
    LIMITS,
    SECCOMP_ONLY,
    UNRESTRICTED,
    needs_full_sandbox,
    use_sandbox,
)
from tests.support.blocked_syscalls import block_syscall

pytestmark = needs_full_sandbox

LANDLOCK_RESTRICT_SELF = 446
SECCOMP = seccomp.SECCOMP.get(os.uname().machine, -1)


@pytest.mark.parametrize("abi", range(1, find_abi() + 1))
def test_older_landlock_abis_are_supported(abi: int) -> None:
    assert Sandbox(abi, make_filter()).is_supported()


@pytest.mark.parametrize(
    "chosen",
    [FULL_SANDBOX, LANDLOCK_ONLY, SECCOMP_ONLY, UNRESTRICTED],
    ids=["both", "landlock", "seccomp", "none"],
)
def test_clip_is_read_in_every_sandbox(chosen: Sandbox, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_sandbox(chosen, monkeypatch)
    assert probe_video(clip).codec == "h264"


def test_full_sandbox_is_detected(fresh_detection: None) -> None:
    assert sandbox.detect_sandbox() == FULL_SANDBOX
    assert str(sandbox.detect_sandbox()).startswith(f"Landlock ABI {find_abi()} and seccomp: ")


def remove_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate an older kernel, or one booted without Landlock."""
    monkeypatch.setattr(sandbox, "find_abi", lambda: 0)


def reject_rulesets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a container that allows querying Landlock but not using it."""
    monkeypatch.setattr(sandbox, "make_ruleset", lambda *_, **__: os.open("/dev/null", os.O_RDONLY))


def reject_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "make_filter", lambda: b"\xff" * 8)


def use_unknown_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "make_filter", lambda: make_filter("riscv64"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("restrictions", "description"),
    [
        ([remove_landlock], "seccomp alone: "),
        ([reject_rulesets], "seccomp alone: "),
        ([reject_filters], f"Landlock ABI {find_abi()} alone: "),
        ([use_unknown_architecture], f"Landlock ABI {find_abi()} alone: "),
        ([remove_landlock, reject_filters], "none: "),
        ([reject_rulesets, use_unknown_architecture], "none: "),
    ],
)
def test_weaker_sandbox_is_used_and_logged_when_others_are_unavailable(
    restrictions: list[object],
    description: str,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fresh_detection: None,
) -> None:
    for restrict in restrictions:
        assert callable(restrict)
        restrict(monkeypatch)
    assert str(sandbox.detect_sandbox()).startswith(description)
    assert description in caplog.text
    assert probe_video(clip).codec == "h264"


def test_program_is_not_started_when_sandbox_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox that worked in the test must always work. A program must never run without it by accident."""
    monkeypatch.setattr(sandbox, "detect_sandbox", lambda: Sandbox(0, b"\xff" * 8))
    result = run_program(["/bin/echo", "free"], limits=LIMITS)
    assert result.exit_code == EXIT_CANNOT_START
    assert "cannot enter the sandbox" in result.log


def test_fork_failure_does_not_count_as_unsupported(
    monkeypatch: pytest.MonkeyPatch, fresh_detection: None
) -> None:
    """Otherwise an attacker could disable the sandbox permanently by overloading the machine."""

    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as overloaded:
        overloaded.setattr("chromi.encoder.process.sandbox.subprocess.run", fail)
        with pytest.raises(ServiceBusy):
            sandbox.detect_sandbox()
    assert sandbox.detect_sandbox() == FULL_SANDBOX


def test_killed_launcher_does_not_count_as_unsupported(
    monkeypatch: pytest.MonkeyPatch, fresh_detection: None
) -> None:
    killed = subprocess.CompletedProcess((), -signal.SIGKILL, b"", b"")
    with monkeypatch.context() as overloaded:
        overloaded.setattr("chromi.encoder.process.sandbox.subprocess.run", lambda *_, **__: killed)
        with pytest.raises(ServiceBusy):
            sandbox.detect_sandbox()
    assert sandbox.detect_sandbox() == FULL_SANDBOX


def fail_in_launcher(
    monkeypatch: pytest.MonkeyPatch, syscall: int, error: int, *, with_flags: bool = False
) -> None:
    """Make a system call of the launcher fail."""
    command = (*block_syscall(syscall, error, with_flags=with_flags), *sandbox.LAUNCHER_COMMAND)
    monkeypatch.setattr(sandbox, "LAUNCHER_COMMAND", command)


@pytest.mark.slow
@pytest.mark.parametrize("with_flags", [True, False])
def test_seccomp_is_used_without_flags_when_kernel_rejects_them(
    with_flags: bool, clip: Path, monkeypatch: pytest.MonkeyPatch, fresh_detection: None
) -> None:
    """This simulates gVisor, which supports seccomp but rejects all flags except one."""
    fail_in_launcher(monkeypatch, SECCOMP, errno.EINVAL, with_flags=with_flags)
    assert sandbox.detect_sandbox() == (FULL_SANDBOX if with_flags else LANDLOCK_ONLY)
    assert probe_video(clip).codec == "h264"


@pytest.mark.parametrize("syscall", [LANDLOCK_RESTRICT_SELF, SECCOMP])
@pytest.mark.parametrize("error", [errno.ENOMEM, errno.EAGAIN])
def test_kernel_without_memory_does_not_count_as_unsupported(
    syscall: int, error: int, monkeypatch: pytest.MonkeyPatch, fresh_detection: None
) -> None:
    with monkeypatch.context() as overloaded:
        fail_in_launcher(overloaded, syscall, error)
        with pytest.raises(ServiceBusy):
            sandbox.detect_sandbox()
        overloaded.setattr(sandbox, "detect_sandbox", lambda: FULL_SANDBOX)
        with pytest.raises(ConverterKilled):
            run_program(["/bin/echo", "free"], limits=LIMITS).check()
    assert sandbox.detect_sandbox() == FULL_SANDBOX


@pytest.mark.slow
def test_threads_can_detect_sandbox_concurrently(clip: Path, fresh_detection: None) -> None:
    codecs: list[str] = []
    threads = [threading.Thread(target=lambda: codecs.append(probe_video(clip).codec)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codecs == ["h264"] * 4

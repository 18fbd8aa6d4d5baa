"""What the sandbox tests share: the kinds of sandbox, and a Python interpreter that runs inside one."""

import os
import sys

import pytest

from chromi.encoder.process import sandbox, seccomp
from chromi.encoder.process.landlock import find_abi
from chromi.encoder.process.sandbox import Sandbox
from chromi.encoder.process.seccomp import make_filter
from chromi.encoder.process.subprocess_runner import ProcessLimits

LIMITS = ProcessLimits(20, 1024**2)

UNRESTRICTED = Sandbox(0, b"")
LANDLOCK_ONLY = Sandbox(find_abi(), b"")
SECCOMP_ONLY = Sandbox(0, make_filter())
FULL_SANDBOX = Sandbox(find_abi(), make_filter())

needs_full_sandbox = pytest.mark.skipif(
    not (FULL_SANDBOX.is_full and FULL_SANDBOX.is_supported()),
    reason="Landlock or seccomp is not available here",
)

PYTHON = [os.path.realpath(sys.executable), "-I", "-S", "-c"]
"""Runs a Python program passed as an argument, which does not require access to a file."""

_COLUMN = list(seccomp.SECCOMP).index(os.uname().machine) if os.uname().machine in seccomp.SECCOMP else 0
SYSCALL_NUMBERS = {
    name: numbers[_COLUMN]
    for name, numbers in seccomp.BLOCKED_SYSCALLS.items()
    if numbers[_COLUMN] is not None
}
"""The numbers of the blocked system calls on this architecture."""


def use_sandbox(chosen: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run all programs in this sandbox instead of the strongest one."""
    monkeypatch.setattr(sandbox, "detect_sandbox", lambda: chosen)

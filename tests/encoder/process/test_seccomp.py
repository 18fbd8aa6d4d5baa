"""The seccomp filter blocks the listed system calls, under the kernel's own numbers."""

import json
import re
from pathlib import Path

import pytest

from chromi.encoder.process import seccomp
from chromi.encoder.process.subprocess_runner import ProcessResult, run_program
from tests.encoder.process.sandboxes import LIMITS, PYTHON, SYSCALL_NUMBERS, needs_full_sandbox

pytestmark = needs_full_sandbox

PRINT_UNBLOCKED_CALLS = """
import ctypes, errno, json, sys
libc = ctypes.CDLL(None, use_errno=True)
for name, number in json.loads(sys.argv[1]).items():
    if libc.syscall(number, *[ctypes.c_long(-1)] * 6) != -1 or ctypes.get_errno() != errno.EPERM:
        print(name)
"""


def test_every_listed_syscall_is_blocked() -> None:
    unblocked: list[str] = []
    command = [*PYTHON, PRINT_UNBLOCKED_CALLS, json.dumps(SYSCALL_NUMBERS)]
    result = run_program(command, limits=LIMITS, on_output=unblocked.append)
    assert (result, unblocked) == (ProcessResult(0, ""), [])


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
    ids=["x86_64", "aarch64"],
)
def test_syscall_numbers_match_kernel_headers(column: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    defined = re.findall(r"#define __NR(?:3264)?_(\w+) +(\d+)", Path(header).read_text())
    expected = {name: int(number) for name, number in defined if name != "syscalls"}
    numbers = {name: numbers[column] for name, numbers in seccomp.BLOCKED_SYSCALLS.items()}
    numbers["seccomp"] = list(seccomp.SECCOMP.values())[column]
    numbers["fcntl"] = list(seccomp.FCNTL.values())[column]
    numbers["prctl"] = list(seccomp.PRCTL.values())[column]
    numbers["execve"] = list(seccomp.EXECVE.values())[column]
    numbers["clone"] = list(seccomp.CLONE.values())[column]
    numbers["prlimit64"] = list(seccomp.PRLIMIT64.values())[column]
    newest = max(expected.values())
    assert newest >= 450, "the header of Linux 6.1"
    known = {name: number for name, number in numbers.items() if number is None or number <= newest}
    assert known == {name: expected.get(name) for name in known}

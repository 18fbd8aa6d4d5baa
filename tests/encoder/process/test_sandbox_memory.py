"""A sandboxed program cannot write to the memory of other processes, even with seccomp alone."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chromi.encoder.process.subprocess_runner import run_program
from tests.encoder.process.sandboxes import LIMITS, PYTHON, SECCOMP_ONLY, needs_full_sandbox, use_sandbox

pytestmark = needs_full_sandbox

VICTIM = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from chromi.encoder.process.launcher import drop_capabilities
from chromi.process_hardening import protect_memory
drop_capabilities()  # like a process of an ordinary user
if sys.argv[2] == "protected":
    protect_memory()
value = ctypes.create_string_buffer(b"unchanged")
print(ctypes.addressof(value), flush=True)
sys.stdin.readline()
print(value.value.decode())
"""
WRITE_MEMORY = """
import os, sys
with open("/proc/%s/mem" % sys.argv[1], "r+b", buffering=0) as memory:
    memory.seek(int(sys.argv[2]))
    memory.write(b"overwrite")
"""
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("mode", ["protected", "unprotected"])
def test_seccomp_alone_protects_memory_of_chromi_processes(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_sandbox(SECCOMP_ONLY, monkeypatch)
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(ROOT), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as victim:
        assert victim.stdout
        address = victim.stdout.readline().strip()
        result = run_program([*PYTHON, WRITE_MEMORY, str(victim.pid), address], limits=LIMITS)
        output, _ = victim.communicate("\n", 10)
    if mode == "protected":
        assert result.exit_code
        assert "Permission denied" in result.log
        assert output == "unchanged\n"
    elif not result.exit_code:  # Yama or a container's seccomp profile may prevent the write
        assert output == "overwrite\n"


def test_program_with_fewer_capabilities_cannot_write_to_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root's processes have more capabilities than the programs that they start, which protects them all."""
    if os.getuid():
        pytest.skip("an ordinary user's processes have no capabilities")
    use_sandbox(SECCOMP_ONLY, monkeypatch)
    value = ctypes.create_string_buffer(b"unchanged")
    arguments = [str(os.getpid()), str(ctypes.addressof(value))]
    assert "Permission denied" in run_program([*PYTHON, WRITE_MEMORY, *arguments], limits=LIMITS).log
    assert value.value == b"unchanged"

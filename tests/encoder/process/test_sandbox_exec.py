"""A sandboxed program cannot execute another program."""

import shutil
import signal
from pathlib import Path

import pytest

from chromi.encoder.process.landlock import _find_loader
from chromi.encoder.process.subprocess_runner import run_program
from tests.encoder.process.sandboxes import (
    FULL_SANDBOX,
    LANDLOCK_ONLY,
    LIMITS,
    PYTHON,
    SECCOMP_ONLY,
    UNRESTRICTED,
    needs_full_sandbox,
    use_sandbox,
)

pytestmark = needs_full_sandbox

EXEC = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
LOADER = str(_find_loader(Path("/bin/true").resolve())[0])
SECOND_PROGRAMS = [["/bin/echo", "free"], [LOADER, "/bin/echo", "free"], [*PYTHON, "print('free')"]]


@pytest.mark.parametrize("command", SECOND_PROGRAMS, ids=["another", "through the loader", "itself"])
def test_seccomp_kills_program_that_calls_execve(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt kills the program, so it cannot guess the address of the allowed path."""
    for sandbox in (FULL_SANDBOX, SECCOMP_ONLY, UNRESTRICTED):
        use_sandbox(sandbox, monkeypatch)
        output: list[str] = []
        result = run_program([*PYTHON, EXEC, *command], limits=LIMITS, on_output=output.append)
        expected = (0, ["free"]) if sandbox == UNRESTRICTED else (-signal.SIGSYS, [])
        assert (result.exit_code, output) == expected, sandbox


def test_landlock_alone_executes_only_the_program_and_its_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries can be read, but a program in the same folder cannot be executed."""
    use_sandbox(LANDLOCK_ONLY, monkeypatch)
    program, tool = tmp_path / "bin/sh", tmp_path / "lib/tool"
    for original, copy in (("/bin/sh", program), ("/bin/echo", tool)):
        copy.parent.mkdir()
        shutil.copy(original, copy)
    output: list[str] = []
    command = [str(program), "-c", f"exec {tool} free"]
    assert run_program(command, limits=LIMITS, on_output=output.append).exit_code == 126
    assert output == []
    run_program(["/bin/echo", "it runs"], limits=LIMITS, on_output=output.append).check()
    assert output == ["it runs"]

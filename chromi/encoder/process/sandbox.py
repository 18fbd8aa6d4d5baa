"""Sandbox ffmpeg and gifsicle with the strongest restrictions that this kernel supports.

Landlock denies access to all files except the program's own. seccomp denies access to the network and other
processes. Neither needs privileges or another program, both add almost no overhead, and both work for root,
ordinary users and in Docker. If only one is available, it is used alone. If neither is available, programs
run without a sandbox, `doctor` and `/health/` report it, and the service refuses to start with
CHROMI_REQUIRE_SANDBOX.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM
from functools import cache
from pathlib import Path

from chromi.encoder.process.landlock import SCOPES_MIN_ABI, TCP_MIN_ABI, find_abi, make_ruleset
from chromi.encoder.process.launcher import EXIT_CANNOT_START
from chromi.encoder.process.seccomp import EXECVE, SECCOMP, make_filter
from chromi.errors import ServiceBusy

logger = logging.getLogger(__name__)

_LAUNCHER_PATH = Path(__file__).with_name("launcher.py")
LAUNCHER_COMMAND = (sys.executable, "-I", "-S", str(_LAUNCHER_PATH))
"""The command prefix that starts every program. See launcher.py for its arguments."""

_TEST_LIMITS = ("5", str(4 * 1024**3), "0")  # CPU_S, MEMORY_BYTES and FILE_BYTES of the launcher
_UNSUPPORTED_ERRORS = (EPERM, EACCES, EINVAL, ENOSYS, EOPNOTSUPP)


@dataclass(frozen=True)
class Sandbox:
    """The restrictions on a program: a Landlock ABI version (or 0) and a seccomp filter (or b"")."""

    landlock_abi: int
    seccomp_filter: bytes

    @property
    def is_full(self) -> bool:
        """True if both Landlock and seccomp apply."""
        return bool(self.landlock_abi and self.seccomp_filter)

    def __str__(self) -> str:
        match self.landlock_abi, bool(self.seccomp_filter):
            case 0, False:
                return (
                    "none: neither Landlock nor seccomp is available here. A malicious file that compromises "
                    "ffmpeg gets all permissions of Chromi's user."
                )
            case 0, True:
                return (
                    "seccomp alone: no network, no signals and no other program, but every file of Chromi's "
                    "user can be read and changed, including the secret key and the databases. This does not "
                    "protect against malicious files."
                )
            case abi, False:
                return (
                    f"Landlock ABI {abi} alone: no file except those of its own job, but UDP"
                    f"{'' if abi >= TCP_MIN_ABI else ', TCP'}{'' if abi >= SCOPES_MIN_ABI else ', signals'} "
                    "and the priorities of other processes are accessible."
                )
            case abi, _:
                return (
                    f"Landlock ABI {abi} and seccomp: no file except those of its own job, no network, no "
                    "other process, no other program."
                )

    @contextmanager
    def launcher_arguments(
        self, program: Path, *, reads: Sequence[Path], writes: Sequence[Path]
    ) -> Iterator[tuple[list[str], list[int]]]:
        """Yield the launcher's sandbox arguments and the descriptors that it must inherit.

        See `make_ruleset` for the file permissions.
        """
        ruleset = -1
        if self.landlock_abi:
            ruleset = make_ruleset(self.landlock_abi, program, reads=reads, writes=writes)
        machine = os.uname().machine
        syscalls = (SECCOMP[machine], EXECVE[machine]) if self.seccomp_filter else (-1, -1)
        try:
            words = [*map(str, (ruleset, *syscalls)), self.seccomp_filter.hex()]
            yield words, [ruleset] if ruleset >= 0 else []
        finally:
            if ruleset >= 0:
                os.close(ruleset)

    def is_supported(self) -> bool:
        """Test the sandbox by running the launcher in it without a program.

        Raises ServiceBusy if the machine has no resources for the test. This must not count as unsupported,
        or an attacker could disable the sandbox by overloading the machine.
        """
        try:
            with self.launcher_arguments(_LAUNCHER_PATH, reads=(), writes=()) as (words, descriptors):
                done = subprocess.run(  # noqa: S603  no word comes from a request
                    [*LAUNCHER_COMMAND, str(os.getpid()), *_TEST_LIMITS, *words],
                    pass_fds=descriptors,
                    env={},
                    capture_output=True,
                )
        except OSError as error:
            if error.errno in _UNSUPPORTED_ERRORS:
                return False
            raise ServiceBusy(detail=f"the sandbox could not be tested: {error}") from error
        if done.returncode in (0, EXIT_CANNOT_START, -signal.SIGSYS):
            return done.returncode == 0
        raise ServiceBusy(detail=f"the launcher exited with {done.returncode}: {done.stderr!r}")


@cache
def detect_sandbox() -> Sandbox:
    """Return the strongest sandbox that works here. Each process tests this only once. Raises ServiceBusy."""
    unrestricted = Sandbox(0, b"")
    abi, seccomp_filter = find_abi(), make_filter()
    candidates = (Sandbox(abi, seccomp_filter), Sandbox(abi, b""), Sandbox(0, seccomp_filter))
    supported = (each for each in candidates if each != unrestricted and each.is_supported())
    sandbox = next(supported, unrestricted)
    if not sandbox.is_full:
        logger.warning("sandbox: %s", sandbox)
    return sandbox

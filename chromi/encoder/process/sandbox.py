"""What ffmpeg and gifsicle can reach beside their limits: as little as this kernel can be made to allow.

Landlock takes all files away but a program's own, seccomp the network and other processes. Both need no
privilege, no other program and no time, and work for root, for ordinary users and in Docker. Where one of
them does not work the other is taken, where none does nothing; `doctor` and `/health/` say so, and
CHROMI_REQUIRE_SANDBOX does not allow it.
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

from chromi.encoder.process.landlock import SCOPES_FROM, TCP_FROM, find_abi, make_ruleset
from chromi.encoder.process.launcher import CANNOT_START
from chromi.encoder.process.seccomp import EXECVE, SECCOMP, make_filter
from chromi.errors import ServiceBusy

logger = logging.getLogger(__name__)

_LAUNCHER = Path(__file__).with_name("launcher.py")
LAUNCH = (sys.executable, "-I", "-S", str(_LAUNCHER))
"""How any program is started; see launcher.py for the words that follow."""

_TRIAL_LIMITS = ("5", str(4 * 1024**3), "0")
_REFUSALS = (EPERM, EACCES, EINVAL, ENOSYS, EOPNOTSUPP)


@dataclass(frozen=True)
class Sandbox:
    """What a program is enclosed by: a version of Landlock, 0 for none, and a filter, empty for none."""

    landlock_abi: int
    seccomp_filter: bytes

    @property
    def is_full(self) -> bool:
        return bool(self.landlock_abi and self.seccomp_filter)

    def __str__(self) -> str:
        match self.landlock_abi, bool(self.seccomp_filter):
            case 0, False:
                return (
                    "none: this kernel refuses Landlock and seccomp. An ffmpeg taken over by a hostile file "
                    "could do all that Chromi's user can."
                )
            case 0, True:
                return (
                    "seccomp alone: no network, no signals and no other program, but every file of Chromi's "
                    "user, the secret key and the databases too, can be read and changed. Against a hostile "
                    "file this is not enough."
                )
            case abi, False:
                return (
                    f"Landlock ABI {abi} alone: no file but those of its own job, but UDP"
                    f"{'' if abi >= TCP_FROM else ', TCP'}{'' if abi >= SCOPES_FROM else ', signals'} and "
                    "other processes' priorities are open."
                )
            case abi, _:
                return (
                    f"Landlock ABI {abi} and seccomp: no file but those of its own job, no network, no other "
                    "process, no other program."
                )

    @contextmanager
    def enclosing(
        self, program: Path, *, reads: Sequence[Path], writes: Sequence[Path]
    ) -> Iterator[tuple[list[str], list[int]]]:
        """Give the launcher's words about the sandbox, and the descriptors that it needs for them.

        See `make_ruleset` for what may be done with the files.
        """
        ruleset = -1
        if self.landlock_abi:
            ruleset = make_ruleset(self.landlock_abi, program, reads=reads, writes=writes)
        calls = [calls[os.uname().machine] if self.seccomp_filter else -1 for calls in (SECCOMP, EXECVE)]
        try:
            words = [*map(str, (ruleset, *calls)), self.seccomp_filter.hex()]
            yield words, [ruleset] if ruleset >= 0 else []
        finally:
            if ruleset >= 0:
                os.close(ruleset)

    def works(self) -> bool:
        """Try it: let the launcher enclose itself and end.

        Raises ServiceBusy where the machine has no room to try: that is no refusal, and must not be taken
        for one, or whoever keeps it busy would open the sandbox.
        """
        try:
            with self.enclosing(_LAUNCHER, reads=(), writes=()) as (words, descriptors):
                done = subprocess.run(  # noqa: S603  our own words alone
                    [*LAUNCH, str(os.getpid()), *_TRIAL_LIMITS, *words],
                    pass_fds=descriptors,
                    env={},
                    capture_output=True,
                )
        except OSError as error:
            if error.errno in _REFUSALS:
                return False
            raise ServiceBusy(detail=f"no sandbox could be tried: {error}") from error
        if done.returncode in (0, CANNOT_START, -signal.SIGSYS):
            return done.returncode == 0
        raise ServiceBusy(detail=f"the launcher ended with {done.returncode}: {done.stderr!r}")


@cache
def strongest() -> Sandbox:
    """Return the best that works here, tried out once for each process of ours. Raises ServiceBusy."""
    abi, seccomp_filter = find_abi(), make_filter()
    whole = Sandbox(abi, seccomp_filter)
    for sandbox in (whole, Sandbox(abi, b""), Sandbox(0, seccomp_filter)):
        if sandbox != Sandbox(0, b"") and sandbox.works():
            break
    else:
        sandbox = Sandbox(0, b"")
    if not sandbox.is_full:
        logger.warning("sandbox: %s", sandbox)
    return sandbox

"""Protect Chromi's own processes from a converter that a malicious file has compromised."""

import ctypes

from chromi.config import Settings
from chromi.encoder import inspect_sandbox
from chromi.errors import ServiceUnhealthy

_PR_SET_DUMPABLE = 4


def protect_memory() -> None:
    """Make this process and its forks non-dumpable.

    Other processes of the same user can then read neither its memory nor its environment. Its files in
    /proc/PID belong to root, and it can be neither core-dumped nor debugged.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def require_sandbox(settings: Settings) -> None:
    """Check that programs are sandboxed as strictly as the settings require.

    Raises ServiceUnhealthy if they are not, and ServiceBusy if this cannot be determined now.
    """
    if settings.require_sandbox and not (sandbox := inspect_sandbox()).is_full:
        raise ServiceUnhealthy(
            f"CHROMI_REQUIRE_SANDBOX is set, but ffmpeg is not fully sandboxed here: {sandbox} "
            "See “What ffmpeg can reach” in docs/operations.md."
        )

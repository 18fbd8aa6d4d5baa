"""What stands between Chromi's own processes and a converter that was taken over by a hostile file."""

import ctypes

from chromi.config import Settings
from chromi.encoder import inspect_sandbox
from chromi.errors import ServiceUnhealthy

_PR_SET_DUMPABLE = 4


def protect_memory() -> None:
    """Close this process's memory and environment to all others of the same user; a fork keeps that.

    It also gives the files in /proc/PID to root, ends core dumps, and keeps debuggers out.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def require_sandbox(settings: Settings) -> None:
    """Return if programs are enclosed as well as the settings ask for.

    Raises ServiceUnhealthy when they are not, and ServiceBusy when that could not be found out.
    """
    if settings.require_sandbox and not (sandbox := inspect_sandbox()).is_full:
        raise ServiceUnhealthy(
            f"CHROMI_REQUIRE_SANDBOX is set, and ffmpeg is not fully enclosed here: {sandbox} "
            "See “What ffmpeg can reach” in docs/deploy.md."
        )

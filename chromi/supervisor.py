"""`python -m chromi up`: the web server and the consumer as two processes that live and end together."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from chromi.config import Settings
from chromi.encoder.launch import die_with_parent
from chromi.errors import ConfigError

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
"""The folder of wsgi.py and worker.py."""

JOB_GRACE_S = 100
"""After SIGTERM a running conversion may take this long to finish; then it goes back into the queue."""
STOP_GRACE_S = {signal.SIGTERM: JOB_GRACE_S + 10, signal.SIGINT: 15}
_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def run(settings: Settings) -> int:
    """Run both until one dies or a signal comes; gives the exit code: 0 only for a signal's clean end.

    SIGTERM lets a running conversion finish, Ctrl-C puts it back into the queue at once.
    """
    lock = _lock(settings.instance)
    # Blocked and waited for instead of handled: no signal can fall between two steps of this function.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    environ = _environment(settings)
    children = [_start(command, environ) for command in (_web_command(), _consumer_command(settings))]
    received = signal.sigwait(_SIGNALS)
    with lock:  # held until both have ended
        if received == signal.SIGCHLD:
            _stop(children, signal.SIGTERM)
            log.critical("Chromi has stopped: one of its two processes ended by itself.")
            return 1
        return 0 if _stop(children, signal.Signals(received)) else 1


def _lock(instance: Path) -> IO[str]:
    """Take the instance folder for this process alone; raises ConfigError when another one serves it."""
    instance.mkdir(parents=True, exist_ok=True)
    lock = (instance / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(f"Another Chromi serves {instance} already.") from error
    return lock


def _environment(settings: Settings) -> dict[str, str]:
    """Uploads are spooled to TMPDIR first: on many machines /tmp is memory, the instance folder is disk."""
    instance = settings.instance.resolve()  # the children start in the project's folder
    spool = instance / "tmp"
    spool.mkdir(parents=True, exist_ok=True)
    return os.environ | {"CHROMI_INSTANCE": str(instance), "TMPDIR": str(spool), "PYTHONUNBUFFERED": "1"}


def _web_command() -> list[str]:
    return [sys.executable, "-m", "chromi", "web"]


def _consumer_command(settings: Settings) -> list[str]:
    """Log trouble only; poll every 0.1 to 0.5 s; finish on SIGTERM; renew a worker after 50 tasks."""
    options = f"-q -k process -w {settings.workers} -d 0.1 -m 0.5 -g TERM -t {JOB_GRACE_S} -M 50 -c 1"
    return [sys.executable, "-m", "huey.bin.huey_consumer", "worker.huey", *options.split()]


def _start(command: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a child that the terminal's Ctrl-C does not reach and that never outlives this process."""
    parent_pid = os.getpid()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        die_with_parent(parent_pid)

    # This process has one thread, so that code may run between fork and exec.
    return subprocess.Popen(  # noqa: S603  our own programs
        command, cwd=ROOT, env=environ, start_new_session=True, preexec_fn=prepare
    )


def _stop(children: list[subprocess.Popen[bytes]], received: signal.Signals) -> bool:
    """Pass the signal on and wait; a second one, or no end in time, kills. True when none was killed."""
    web, consumer = children
    web.send_signal(signal.SIGTERM)
    consumer.send_signal(received)
    deadline = time.monotonic() + STOP_GRACE_S[received]
    while any(child.poll() is None for child in children):
        left_s = deadline - time.monotonic()
        again = signal.sigtimedwait(_SIGNALS, max(0.0, left_s))
        if again is None or again.si_signo != signal.SIGCHLD:
            break
    ended = all(child.poll() is not None for child in children)
    for child in children:
        child.kill()
        child.wait()
    return ended

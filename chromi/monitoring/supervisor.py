"""Run the consumer and, for `python -m chromi serve`, the web server: processes that end together."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import IO

from chromi.config import Settings
from chromi.encoder.process.launcher import set_parent_death_signal
from chromi.environment import ENV_FILE, read_environ
from chromi.errors import ConfigError
from chromi.socket_activation import FIRST_DESCRIPTOR, has_inherited_socket, pass_socket_on

logger = logging.getLogger(__name__)

Child = subprocess.Popen[bytes]

ROOT = Path(__file__).resolve().parents[2]
"""The folder that contains wsgi.py and worker.py."""

JOB_GRACE_S = 100
"""How long a running conversion may take to finish after SIGTERM before it is requeued."""
WORKER_GRACE_S = {signal.SIGTERM: JOB_GRACE_S + 5, signal.SIGINT: 15}
WEB_GRACE_S = 10
"""The web server takes up to 7 s to answer requests that have arrived.

The total fits into the 120 s that docs/operations.md recommends.
"""
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_SIGNALS = _STOP_SIGNALS | {signal.SIGCHLD}


def run(settings: Settings, *, with_web_server: bool) -> int:
    """Run the processes until one ends or a signal arrives. Return the exit code: 0 after a clean stop.

    SIGTERM lets a running conversion finish; Ctrl-C requeues it immediately. The web server keeps responding
    until the worker has ended.
    """
    lock = _lock(settings.instance) if with_web_server else nullcontext()
    # Signals are blocked and waited for, so none can arrive between two steps of this function.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    environ = _environment(settings)
    web = [_start_web(environ)] if with_web_server else []
    services = _Services(_start(_consumer_command(settings), environ), web)
    with lock:  # held until all have ended
        received = services.wait_for_end(*services.children)
        if received is None:
            # Do not wait for a conversion, because the process manager must restart the service immediately.
            services.stop(signal.SIGINT)
            logger.critical("Chromi has stopped because one of its processes ended unexpectedly.")
            return 1
        return 0 if services.stop(received) else 1


class _Services:
    """The consumer and any web server, plus their orphans if this process is PID 1."""

    def __init__(self, worker: Child, web: list[Child]) -> None:
        self._worker, self._web = worker, web

    @property
    def children(self) -> list[Child]:
        return [self._worker, *self._web]

    def stop(self, received: signal.Signals) -> bool:
        """Stop the worker, then the web server. Return whether all ended without being killed."""
        have_ended = self._end(self._worker, received, WORKER_GRACE_S[received])
        for web in self._web:
            have_ended &= self._end(web, signal.SIGTERM, WEB_GRACE_S)
        return have_ended

    def _end(self, child: Child, signum: signal.Signals, grace_s: float) -> bool:
        """Send a signal and wait. Kill the child after the grace period or if another signal arrives."""
        child.send_signal(signum)
        self.wait_for_end(child, timeout_s=grace_s)
        ended = child.returncode is not None
        if not ended:
            child.kill()
            child.wait()
        return ended

    def wait_for_end(
        self, *children: Child, timeout_s: float = threading.TIMEOUT_MAX
    ) -> signal.Signals | None:
        """Wait for a child to end, a stop signal or the timeout. Return the signal if one arrived."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._reap()
            if any(child.returncode is not None for child in children):
                return None
            received = signal.sigtimedwait(_SIGNALS, max(0.0, deadline - time.monotonic()))
            if received is None or received.si_signo in _STOP_SIGNALS:
                return received and signal.Signals(received.si_signo)

    def _reap(self) -> None:
        """Reap every process that has ended, because SIGCHLD tells neither which nor how many.

        PID 1 inherits orphans, for example the ffmpeg of a killed worker. Their exit is ignored.
        """
        while True:
            ours = {child.pid: child for child in self.children if child.returncode is None}
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:  # no children are left
                return
            if ended is None:
                return
            if ended.si_pid in ours:
                ours[ended.si_pid].poll()
            else:
                os.waitpid(ended.si_pid, 0)


def _lock(instance: Path) -> IO[str]:
    """Lock the instance folder. Raises ConfigError if another process serves it."""
    instance.mkdir(parents=True, exist_ok=True)
    lock = (instance / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(f"Another Chromi process is already running on {instance}.") from error
    return lock


def _environment(settings: Settings) -> dict[str, str]:
    """Return the children's environment: all settings, because they run in another folder than this one."""
    own = {"CHROMI_INSTANCE": str(settings.instance.resolve()), ENV_FILE: os.devnull}
    return os.environ | read_environ(os.environ) | own | {"PYTHONUNBUFFERED": "1"}


def _start_web(environ: dict[str, str]) -> Child:
    """Start the web server. It gets the socket that this process may have been given."""
    command = [sys.executable, "-m", "chromi", "web"]
    if has_inherited_socket():
        return _start(pass_socket_on(command), environ, pass_fds=[FIRST_DESCRIPTOR])
    return _start(command, environ)


def _consumer_command(settings: Settings) -> list[str]:
    """Return the command line of the consumer.

    It logs only errors, polls every 0.1 to 0.5 s, finishes on SIGTERM, and restarts a worker after 50 tasks.
    """
    options = f"-q -k process -w {settings.workers} -d 0.1 -m 0.5 -g TERM -t {JOB_GRACE_S} -M 50 -c 1"
    return [sys.executable, "-m", "huey.bin.huey_consumer", "worker.huey", *options.split()]


def _start(command: list[str], environ: dict[str, str], *, pass_fds: Collection[int] = ()) -> Child:
    """Start a child in its own session, so that Ctrl-C does not reach it. It dies with this process."""
    parent_pid = os.getpid()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        set_parent_death_signal(parent_pid)

    # This process has only one thread, so preexec_fn is safe.
    return subprocess.Popen(  # noqa: S603  our own programs
        command, cwd=ROOT, env=environ, start_new_session=True, preexec_fn=prepare, pass_fds=pass_fds
    )

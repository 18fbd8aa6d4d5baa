"""Start and stop Chromi as separate processes, as an operator does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from chromi.storage import files_in
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

SERVE = ("-m", "chromi", "serve")
READY = re.compile(r"Chromi is running at (http://\S+?)/ ")


@dataclass
class Service:
    """A running `python -m chromi serve`, or another of its commands."""

    process: subprocess.Popen[str]
    url: str
    instance: Path
    log: list[str]

    def processes(self) -> list[psutil.Process]:
        """Return the supervisor and all its descendants."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def media_files(self) -> list[Path]:
        return list(files_in(self.instance / "media"))

    def stop(self, signum: int = signal.SIGTERM, timeout_s: float = 30) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(timeout_s)


def run_service(
    instance: Path,
    settings: dict[str, str],
    command: tuple[str, ...] = SERVE,
    *,
    wrapper: Sequence[str] = (),
) -> Service:
    """Start a service and wait until it is ready.

    `settings` are setting names without CHROMI_, in lowercase. `wrapper` is a command that runs the command
    appended to it.
    """
    process = subprocess.Popen(
        [*wrapper, sys.executable, *command],
        cwd=ROOT,
        env=_environ(instance, settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log: list[str] = []
    threading.Thread(target=_collect_output, args=(process, log), daemon=True).start()
    try:
        url = _wait_for_url(process, log)
    except BaseException:
        process.kill()  # the caller has no reference to it yet
        raise
    return Service(process, url, instance, log)


def end_service(service: Service) -> None:
    """Stop a service without waiting for its running job, or kill it with all its processes."""
    if service.process.poll() is not None:
        return
    processes = service.processes()
    try:
        service.stop(signal.SIGINT, timeout_s=20)
    except subprocess.TimeoutExpired:
        for process in processes:
            if process.is_running():
                process.kill()
        service.process.wait(10)


def _environ(instance: Path, settings: dict[str, str]) -> dict[str, str]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("CHROMI_")}
    environ |= {"CHROMI_INSTANCE": str(instance), "CHROMI_PORT": "0", "CHROMI_ENV_FILE": os.devnull}
    return environ | {f"CHROMI_{name.upper()}": text for name, text in settings.items()}


def _wait_for_url(process: subprocess.Popen[str], log: list[str]) -> str:
    wait_for(
        lambda: READY.search("".join(log)) or process.poll() is not None,
        "the service to start",
        timeout_s=60,
    )
    match = READY.search("".join(log))
    assert match, "".join(log)
    return match[1]


def _collect_output(process: subprocess.Popen[str], log: list[str]) -> None:
    assert process.stdout
    with process.stdout as lines:
        for line in lines:
            log.append(line)

"""Run web servers and workers as separate machines: each has its own instance folder."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.support.paths import ROOT
from tests.support.running_service import Service, end_service, run_service

WEB = ("-m", "chromi", "web")
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@contextmanager
def run_web(folder: Path, settings: dict[str, str]) -> Iterator[Service]:
    service = run_service(folder, settings, WEB)
    try:
        yield service
    finally:
        end_service(service)
        log = "".join(service.log)
        assert "Traceback" not in log, log[log.index("Traceback") - 300 :][:2500]


@contextmanager
def run_worker(
    folder: Path, settings: Mapping[str, str] = NO_SETTINGS, *, queues: str = "", wrapper: Sequence[str] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `python -m chromi worker`, and expect it to end cleanly when it is terminated.

    It converts for real, and logs to a file beside its folder. `wrapper` is a command that runs the command
    appended to it.
    """
    environ = {f"CHROMI_{name.upper()}": text for name, text in settings.items()}
    options = ["--queues", queues] if queues else []
    with worker_log(folder).open("a") as log:
        worker = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "chromi", "worker", *options],
            cwd=ROOT,
            env=os.environ | environ | {"CHROMI_INSTANCE": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        yield worker
        worker.terminate()
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait()


def worker_log(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-worker.log")


def url_on(service: Service, url: str) -> str:
    """Return the same address at another web server."""
    return service.url + url[url.index("/", len("http://")) :]

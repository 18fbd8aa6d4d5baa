"""Start consumers as an operator does, on an instance folder that a test inspects."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.support.paths import ROOT
from tests.support.processes import handles_signal
from tests.support.waiting import wait_for


@contextmanager
def run_consumer(
    instance: Path,
    module: str,
    *,
    behavior: str = "finish_at_once",
    workers: int = 1,
    grace_s: int = 100,
    tasks_per_worker: int = 50,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a consumer of `worker` or of a fake with this behavior; it logs to `consumer.log`."""
    options = f"-q -k process -w {workers} -d 0.05 -m 0.2 -g TERM -t {grace_s} -M {tasks_per_worker} -c 1"
    with (instance / "consumer.log").open("a") as log:  # a pipe that nobody reads would fill up
        consumer = subprocess.Popen(
            [sys.executable, "-m", "huey.bin.huey_consumer", f"{module}.huey", *options.split()],
            cwd=ROOT,
            env={**os.environ, "CHROMI_INSTANCE": str(instance), "BEHAVIOR": behavior, **environ},
            stdout=log,
            stderr=log,
        )
    try:
        yield consumer
    finally:
        consumer.kill()  # its workers die with it
        consumer.wait()


def terminate_consumer(consumer: "subprocess.Popen[bytes]") -> None:
    """Send SIGTERM once the consumer handles it. Before that, the signal would end it at once."""
    wait_for(lambda: handles_signal(consumer.pid, signal.SIGTERM), "the consumer's signal handler")
    consumer.terminate()

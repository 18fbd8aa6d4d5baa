"""Consumers as hosts start them, on an instance folder that the tests look into."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT


@contextmanager
def consuming(
    instance: Path,
    program: str,
    *,
    deed: str = "finish_at_once",
    workers: int = 1,
    grace_s: int = 100,
    renew: int = 50,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Have a consumer of `worker` or of a stand-in, which does the `deed`; it says all in `consumer.log`."""
    options = f"-q -k process -w {workers} -d 0.05 -m 0.2 -g TERM -t {grace_s} -M {renew} -c 1"
    with (instance / "consumer.log").open("a") as log:  # nobody reads it meanwhile: a pipe would be full
        consumer = subprocess.Popen(
            [sys.executable, "-m", "huey.bin.huey_consumer", f"{program}.huey", *options.split()],
            cwd=ROOT,
            env=os.environ | {"CHROMI_INSTANCE": str(instance), "DEED": deed},
            stdout=log,
            stderr=log,
        )
    try:
        yield consumer
    finally:
        consumer.kill()  # its workers go with it
        consumer.wait()

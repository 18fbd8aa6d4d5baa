"""Consumers as hosts start them, on an instance folder that the tests look into."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT


@contextmanager
def consuming(instance: Path, program: str, *, workers: int = 1) -> Iterator["subprocess.Popen[bytes]"]:
    """Have a consumer with a stand-in of this folder; its log is in the instance folder."""
    options = f"-q -k process -w {workers} -d 0.05 -m 0.2 -g TERM -c 1"
    with (instance / "consumer.log").open("a") as log:  # nobody reads it meanwhile: a pipe would be full
        consumer = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "huey.bin.huey_consumer",
                f"tests.service.{program}.huey",
                *options.split(),
            ],
            cwd=ROOT,
            env=os.environ | {"CHROMI_INSTANCE": str(instance), "DEED": "finish_at_once"},
            stdout=log,
            stderr=log,
        )
    try:
        yield consumer
    finally:
        consumer.kill()  # its workers go with it
        consumer.wait()

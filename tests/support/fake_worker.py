"""The worker with a conversion that is no work: it does what DEED says. For `huey_consumer`."""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chromi.db import lease
from chromi.encoder import ConversionOptions, ConversionResult, Progress
from chromi.jobs import cleanup, runner

RESULT = ConversionResult(frames=24, bytes=3, duration_cs=100, width_px=1280, height_px=720, seconds={})
INSTANCE = Path(os.environ["CHROMI_INSTANCE"])
SHORT_LEASE_S = 2

Tell = Callable[[Progress], None]


def convert(
    source: Path,
    destination: Path,
    options: ConversionOptions,
    *,
    work_dir: Path,
    on_progress: Tell,
    **_: Any,
) -> ConversionResult:
    """Note who does which job, do the deed, and leave what a conversion leaves."""
    work_dir.mkdir()
    with (INSTANCE / "runs").open("a") as runs:
        runs.write(f"{destination.stem} {os.getpid()}\n")
    DEEDS[os.environ["DEED"]](work_dir, on_progress)
    destination.write_bytes(b"GIF")
    shutil.rmtree(work_dir, ignore_errors=True)  # a later attempt may have removed it
    return RESULT


def finish_at_once(work_dir: Path, on_progress: Tell) -> None:
    on_progress(Progress("reading", 0.5, ""))


def wait_for_leave(work_dir: Path, on_progress: Tell) -> None:
    """Go on until the file `leave` is there."""
    try:
        while not (INSTANCE / "leave").exists():
            on_progress(Progress("reading", 0.5, ""))
            time.sleep(0.02)
    except KeyboardInterrupt:
        work_dir.rmdir()
        raise


def oversleep_once(work_dir: Path, on_progress: Tell) -> None:
    """The first attempt says nothing until the file `leave` is there."""
    while work_dir.name.endswith("-1") and not (INSTANCE / "leave").exists():
        time.sleep(0.02)


def kill_the_worker(work_dir: Path, on_progress: Tell) -> None:
    """As if the kernel did."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang_once(work_dir: Path, on_progress: Tell) -> None:
    """The first attempt hangs, and lets no other thread of its process run."""
    if work_dir.name.endswith("-1"):
        re.match("(a|a)+b", "a" * 99)


DEEDS = {
    deed.__name__: deed
    for deed in (finish_at_once, wait_for_leave, oversleep_once, kill_the_worker, hang_once)
}

runner.convert = convert  # type: ignore[assignment]
if os.environ["DEED"] == hang_once.__name__:
    lease.LEASE_S = cleanup.LEASE_S = SHORT_LEASE_S  # type: ignore[attr-defined]

from worker import huey  # noqa: E402  it opens the service

__all__ = ["huey"]

"""A worker for `huey_consumer` that performs BEHAVIOR instead of converting."""

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
from chromi.jobs import handlers, recovery

RESULT = ConversionResult(frames=24, bytes=3, duration_cs=100, width_px=1280, height_px=720, seconds={})
INSTANCE = Path(os.environ["CHROMI_INSTANCE"])
SHORT_LEASE_S = 2

OnProgress = Callable[[Progress], None]


def convert(
    source: Path,
    destination: Path,
    options: ConversionOptions,
    *,
    work_dir: Path,
    on_progress: OnProgress,
    **_: Any,
) -> ConversionResult:
    """Record the job and the process, perform BEHAVIOR, and create the files that a conversion creates."""
    work_dir.mkdir()
    with (INSTANCE / "runs").open("a") as runs:
        runs.write(f"{destination.stem} {os.getpid()}\n")
    BEHAVIORS[os.environ["BEHAVIOR"]](work_dir, on_progress)
    destination.write_bytes(b"GIF")
    shutil.rmtree(work_dir, ignore_errors=True)  # a later attempt may have removed it
    return RESULT


def finish_at_once(work_dir: Path, on_progress: OnProgress) -> None:
    on_progress(Progress("reading", 0.5, ""))


def wait_for_file(work_dir: Path, on_progress: OnProgress) -> None:
    """Report progress until the file `finish` exists."""
    try:
        while not (INSTANCE / "finish").exists():
            on_progress(Progress("reading", 0.5, ""))
            time.sleep(0.02)
    except KeyboardInterrupt:
        work_dir.rmdir()
        raise


def stall_once(work_dir: Path, on_progress: OnProgress) -> None:
    """In the first attempt, report nothing until the file `finish` exists."""
    while work_dir.name.endswith("-1") and not (INSTANCE / "finish").exists():
        time.sleep(0.02)


def kill_worker(work_dir: Path, on_progress: OnProgress) -> None:
    """Die as if the kernel had killed the process."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang_once(work_dir: Path, on_progress: OnProgress) -> None:
    """In the first attempt, hang without letting other threads of the process run."""
    if work_dir.name.endswith("-1"):
        re.match("(a|a)+b", "a" * 99)


BEHAVIORS = {
    behavior.__name__: behavior
    for behavior in (finish_at_once, wait_for_file, stall_once, kill_worker, hang_once)
}

handlers.convert = convert
handlers.make_preview = lambda source, destination, **_: destination.write_bytes(b"MP4")
if os.environ["BEHAVIOR"] == hang_once.__name__:
    lease.LEASE_S = recovery.LEASE_S = SHORT_LEASE_S  # type: ignore[attr-defined]

from worker import huey  # noqa: E402  it opens the service

__all__ = ["huey"]

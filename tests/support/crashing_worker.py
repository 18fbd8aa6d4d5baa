"""A worker for `huey_consumer` that is killed once per job, at one step of a real conversion."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chromi.encoder import ConversionOptions, ConversionResult, Progress, convert
from chromi.jobs import handlers
from tests.support.fake_worker import INSTANCE, RESULT, huey

STEPS = ("reading", "choosing", "encoding", "checking", "published")
"""Where it dies: when the step begins, or after the result was published and before it is recorded."""


def convert_and_die_once(
    source: Path, destination: Path, options: ConversionOptions, *, work_dir: Path, **more: Any
) -> ConversionResult:
    """Die in the first attempt. The window's start in seconds is the number of the step at which to die."""
    if not work_dir.name.endswith("-1"):
        destination.write_bytes(b"GIF")
        return RESULT
    fatal_step = STEPS[int(options.start_s)]
    report: Callable[[Progress], None] = more.pop("on_progress")

    def report_or_die(progress: Progress) -> None:
        report(progress)
        if progress.step == fatal_step:
            die(destination.stem, fatal_step)

    convert(source, destination, options, work_dir=work_dir, on_progress=report_or_die, **more)
    die(destination.stem, fatal_step)
    return RESULT


def die(job_id: str, step: str) -> None:
    """Record the files that are left, and die as if the kernel had killed the process."""
    left = [path.name for folder in ("work", "results") for path in (INSTANCE / "media" / folder).iterdir()]
    with (INSTANCE / "deaths").open("a") as deaths:
        deaths.write(f"{step} {job_id} {' '.join(left)}\n")
    os.kill(os.getpid(), signal.SIGKILL)


handlers.convert = convert_and_die_once

__all__ = ["huey"]

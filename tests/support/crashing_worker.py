"""The worker that is killed once for each job, at one step of a real conversion. For `huey_consumer`."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chromi.encoder import ConversionOptions, ConversionResult, Progress, convert
from chromi.jobs import runner
from tests.support.fake_worker import INSTANCE, RESULT, huey

STEPS = ("reading", "choosing", "encoding", "checking", "published")
"""Where it dies: as the step begins, or with the result in its place and nothing said of it."""


def convert_once_in_vain(
    source: Path, destination: Path, options: ConversionOptions, *, work_dir: Path, **more: Any
) -> ConversionResult:
    """The job's options says at which step: that of the number of the second where it starts."""
    if not work_dir.name.endswith("-1"):
        destination.write_bytes(b"GIF")
        return RESULT
    fatal = STEPS[int(options.start_s)]
    tell: Callable[[Progress], None] = more.pop("on_progress")

    def go_on(progress: Progress) -> None:
        tell(progress)
        if progress.step == fatal:
            die(destination.stem, fatal)

    convert(source, destination, options, work_dir=work_dir, on_progress=go_on, **more)
    die(destination.stem, fatal)
    return RESULT


def die(job_id: str, step: str) -> None:
    """Note what is left, and end as if the kernel did it."""
    left = [path.name for folder in ("work", "results") for path in (INSTANCE / "media" / folder).iterdir()]
    with (INSTANCE / "deaths").open("a") as deaths:
        deaths.write(f"{step} {job_id} {' '.join(left)}\n")
    os.kill(os.getpid(), signal.SIGKILL)


runner.convert = convert_once_in_vain  # type: ignore[assignment]

__all__ = ["huey"]

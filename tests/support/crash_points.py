"""A command that kills itself at one point.

`python -m tests.support.crash_points POINT COMMAND ...`."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chromi.cli.convert import run
from chromi.encoder.process import subprocess_runner
from chromi.jobs import queue
from chromi.monitoring import backup


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(place: Any, name: str, *, at: Callable[[Path], bool] = lambda path: True) -> None:
    """Have a function be the last thing done; `at` asks its second argument, where that matters."""
    do = getattr(place, name)

    def do_and_die(*arguments: Any) -> None:
        do(*arguments)
        if at(Path(arguments[1])):
            die()

    setattr(place, name, do_and_die)


def in_probe() -> None:
    """ffmpeg has been started and nothing is read from it."""
    subprocess_runner._read_pipes = die  # type: ignore[assignment]


def before_enqueue() -> None:
    """The job's row is committed."""
    make = queue.Queue
    queue.Queue = lambda huey, enqueue: make(huey, die)  # type: ignore[assignment, misc]


def with_name() -> None:
    """The clip has its name for good, and no row."""
    die_after(os, "replace")


def with_two_names() -> None:
    """Of an upload or a backup; a new key has that for a moment, too."""
    die_after(os, "link", at=lambda path: path.name != "secret_key")


def after_commit() -> None:
    """The upload's row is committed, and the file still has its other name."""
    unlink = Path.unlink
    Path.unlink = (  # type: ignore[method-assign]
        lambda path, **words: die() if path.name.startswith("partial-") else unlink(path, **words)
    )


def with_rows_copied() -> None:
    die_after(backup, "copy_database")


def in_archive() -> None:
    """The rows are in it and no file is."""
    backup._kept = die  # type: ignore[assignment]


if __name__ == "__main__":
    globals()[sys.argv.pop(1)]()
    run()

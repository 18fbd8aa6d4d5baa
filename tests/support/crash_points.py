"""A command that kills itself at one point: `python -m tests.support.crash_points POINT COMMAND ...`.

Each public function installs one point.
"""

import os
import signal
import sys
from typing import Any

from chromi.cli import run
from chromi.db import Upload
from chromi.encoder.process import subprocess_runner
from chromi.jobs import queue
from chromi.monitoring import backup


def _die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_after(owner: Any, name: str, *, unless_named: str = "") -> None:
    """Kill the process after a function has returned, unless its second argument is a file of this name."""
    original = getattr(owner, name)

    def call_and_die(*arguments: Any) -> None:
        original(*arguments)
        if not unless_named or os.path.basename(arguments[1]) != unless_named:
            _die()

    setattr(owner, name, call_and_die)


def in_probe() -> None:
    """ffmpeg has been started, but none of its output has been read."""
    subprocess_runner._read_pipes = _die


def before_enqueue() -> None:
    """The job's row has been committed."""
    original = queue.Queue
    queue.Queue = lambda huey, enqueue: original(huey, _die)  # type: ignore[assignment, misc]


def after_rename() -> None:
    """The clip has its final name but no row yet."""
    _die_after(os, "replace")


def after_completion() -> None:
    """The last chunk has been probed, and the upload has been marked as complete."""
    _die_after(Upload, "complete")


def after_link() -> None:
    """The backup has both its temporary and its final name.

    A new secret key is linked earlier, which must not kill the process.
    """
    _die_after(os, "link", unless_named="secret_key")


def after_database_copy() -> None:
    _die_after(backup, "copy_database")


def in_archive() -> None:
    """The archive contains the database but no files yet."""
    backup._finished_files = _die


if __name__ == "__main__":
    globals()[sys.argv.pop(1)]()
    run()

"""The command line: `python -m chromi COMMAND`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import click
from peewee import DatabaseError

from chromi import checks, models, supervisor, sweep
from chromi.config import LOG_FORMAT, VERSION, Settings
from chromi.encoder import Progress, Recipe, convert
from chromi.errors import BadOptions, ChromiError
from chromi.tasks import open_service


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="chromi")
def main() -> None:
    """Chromi turns a clip into an animated Chrome background."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    Settings.from_environ()  # a setting that does not exist stops every command


@main.command()
def up() -> None:
    """Serve: the web server and the queue's consumer, until Ctrl-C."""
    sys.exit(supervisor.run(Settings.from_environ()))


@main.command()
def web() -> None:
    """Serve the web pages alone; conversions wait for a consumer."""
    from chromi import create_app  # Flask is for this command only
    from chromi.web.server import serve

    settings = Settings.from_environ()
    serve(create_app(settings), settings)


@main.command(name="convert")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--start", default="0", show_default=True, help="Seconds or HH:MM:SS[.mmm].")
@click.option("--duration", default="6", show_default=True, help="Seconds, 1 to 10.")
def convert_clip(source: Path, destination: Path, start: str, duration: str) -> None:
    """Convert SOURCE to the GIF DESTINATION here, without a server."""
    recipe = Recipe.parse(start_time=start, duration=duration)
    destination = _checked_destination(destination, source)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)  # to end as Ctrl-C does, leaving nothing behind
    with (
        tempfile.TemporaryDirectory(prefix="chromi-") as work,
        click.progressbar(length=100, file=sys.stderr, item_show_func=lambda message: message) as bar,
    ):

        def show(progress: Progress) -> None:
            bar.update(int(progress.fraction * 100) - bar.pos, progress.message)

        result = convert(source, destination, recipe, work_dir=Path(work), on_progress=show)
    click.echo(f"{destination}: {result.bytes} bytes, {result.frames} frames, {result.duration_cs / 100:g} s")


def _checked_destination(destination: Path, source: Path) -> Path:
    """Give the file to write, seen from the root; raises BadOptions before any work when it cannot be."""
    real = destination.resolve()
    if not real.parent.is_dir() or not os.access(real.parent, os.W_OK):
        raise BadOptions(f"Cannot write to the folder {real.parent}.")
    if real.exists() and not real.is_file():
        raise BadOptions(f"{destination} is there already and is no ordinary file.")
    if real == source.resolve():
        raise BadOptions("The GIF would overwrite the clip. Give it another name.")
    return real


@main.command()
def doctor() -> None:
    """Look whether all that a conversion needs is there; exit with 1 if not."""
    settings = Settings.from_environ()
    _, queue = open_service(settings)
    found = checks.check_service(settings, queue)
    for check in found:
        click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<9} {check.detail}")
    sys.exit(0 if all(check.ok for check in found) else 1)


@main.command()
def jobs() -> None:
    """List the jobs, newest first; those that are stuck are marked."""
    _, queue = open_service(Settings.from_environ())
    waiting_ids = queue.waiting_ids()
    for job in models.Job.select().order_by(models.Job.created_at.desc()):
        stuck = "  STUCK" if sweep.is_lost(job, waiting_ids) else ""
        age_s = time.time() - job.created_at
        click.echo(f"{job.id}  {job.state:<11}  {job.percent:>3} %  {age_s:>7.0f} s old{stuck}")


@main.command(name="sweep")
def sweep_now() -> None:
    """Remove what has expired and take up again what was lost, now."""
    settings = Settings.from_environ()
    storage, queue = open_service(settings)
    swept = sweep.sweep_all(settings, storage, queue.waiting_ids(), queue.enqueue)
    for name, count in vars(swept).items():
        click.echo(f"{name.replace('_', ' ')}: {count}")


def run() -> NoReturn:
    """Run a command; trouble is one sentence and exit code 1, never a stack trace."""
    try:
        main(prog_name="python -m chromi")
    except ChromiError as error:
        click.echo(error, err=True)
    except (OSError, DatabaseError) as error:
        click.echo(f"Cannot use {Settings.from_environ().instance}: {error}.", err=True)
    sys.exit(1)


if __name__ == "__main__":
    run()

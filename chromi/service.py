"""The commands for whoever hosts Chromi: `python -m chromi up`, `web`, `doctor`, `jobs`, and so on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
from peewee import DatabaseError

from chromi import backup as backups
from chromi import checks, create_app, logs, models, storage, supervisor, sweep
from chromi.config import Settings
from chromi.errors import Unwell
from chromi.hardening import require_sandbox
from chromi.tasks import open_service


class _Command(click.Command):
    """A command that uses the instance: its files are private, and trouble with it is one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        storage.make_files_private()
        try:
            return super().invoke(ctx)
        except (OSError, DatabaseError) as error:
            raise Unwell(f"Cannot use {Settings.from_environ().instance}: {error}.") from error


@click.command(cls=_Command)
def up() -> None:
    """Serve: the web server and the queue's consumer, until Ctrl-C."""
    logs.set_up()
    settings = Settings.from_environ()
    require_sandbox(settings)
    models.open_database(settings.instance)  # one that cannot be used is said once, not by both
    sys.exit(supervisor.run(settings))


@click.command(cls=_Command)
def web() -> None:
    """Serve the web pages alone; conversions wait for a consumer."""
    from chromi.web.server import serve  # Flask is for this command only

    logs.set_up()
    settings = Settings.from_environ()
    serve(create_app(settings), settings)


@click.command(cls=_Command)
def doctor() -> None:
    """Look whether all that a conversion needs is there; exit with 1 if not."""
    settings = Settings.from_environ()
    _, queue = open_service(settings)
    found = checks.check_service(settings, queue)
    for check in found:
        click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<9} {check.detail}")
    sys.exit(0 if all(check.ok for check in found) else 1)


@click.command(cls=_Command)
def jobs() -> None:
    """List the jobs, newest first; those that are stuck are marked."""
    _, queue = open_service(Settings.from_environ())
    waiting_ids = queue.waiting_ids()
    for job in models.Job.select().order_by(models.Job.created_at.desc()):
        stuck = "  STUCK" if sweep.is_lost(job, waiting_ids) else ""
        age_s = time.time() - job.created_at
        click.echo(f"{job.id}  {job.state:<11}  {job.percent:>3} %  {age_s:>7.0f} s old{stuck}")


@click.command(name="sweep", cls=_Command)
def sweep_now() -> None:
    """Remove what has expired and take up again what was lost, now."""
    settings = Settings.from_environ()
    media, queue = open_service(settings)
    swept = sweep.sweep_all(settings, media, queue.waiting_ids(), queue.enqueue)
    for name, count in vars(swept).items():
        click.echo(f"{name.replace('_', ' ')}: {count}")


@click.command(cls=_Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write all that links need to FILE, a tar archive, also while the service runs."""
    settings = Settings.from_environ()
    count = backups.write_backup(settings, file)
    click.echo(f"{file}: {file.stat().st_size} bytes, {count} files")
    if settings.secret_key:
        click.echo("CHROMI_SECRET_KEY is not in it: keep it, too.", err=True)


COMMANDS = (up, web, doctor, jobs, sweep_now, backup)

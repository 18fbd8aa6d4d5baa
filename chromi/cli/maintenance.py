"""Maintenance commands: doctor, jobs, cleanup, backup."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from chromi.cli.instance_command import InstanceCommand
from chromi.config import Settings
from chromi.db import Job
from chromi.jobs.cleanup import run_cleanup
from chromi.jobs.queue import open_service
from chromi.jobs.recovery import find_jobs_without_task, is_lease_expired
from chromi.monitoring.backup import write_backup
from chromi.monitoring.health_checks import check_service


@click.command(cls=InstanceCommand)
def doctor() -> None:
    """Check everything that conversions need.

    The exit status is 1 if anything is missing.
    """
    settings = Settings.from_environ()
    storage, queue = open_service(settings)
    checks = check_service(settings, queue, storage)
    for check in checks:
        click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<9} {check.detail}")
    sys.exit(0 if all(check.ok for check in checks) else 1)


@click.command(name="jobs", cls=InstanceCommand)
def list_jobs() -> None:
    """List the jobs, newest first, and mark stuck ones."""
    _, queue = open_service(Settings.from_environ())
    without_task = {job.id for job in find_jobs_without_task(queue.sizes())}
    for job in Job.select().order_by(Job.created_at.desc()):
        stuck = "  STUCK" if job.id in without_task or is_lease_expired(job) else ""
        age_s = time.time() - job.created_at
        click.echo(
            f"{job.id}  {job.kind:<8}  {job.state:<11}  {job.percent:>3} %  {age_s:>7.0f} s old{stuck}"
        )


@click.command(name="cleanup", cls=InstanceCommand)
def clean_up() -> None:
    """Delete expired files and requeue lost jobs now."""
    settings = Settings.from_environ()
    storage, queue = open_service(settings)
    report = run_cleanup(settings, storage, queue.sizes, queue.enqueue)
    for name, count in vars(report).items():
        click.echo(f"{name.replace('_', ' ')}: {count}")


@click.command(name="backup", cls=InstanceCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def back_up(file: Path) -> None:
    """Back up the database, the secret key, clips and results to the tar archive FILE.

    The service may be running. Keep the file as secret as the key.
    """
    settings = Settings.from_environ()
    count = write_backup(settings, file)
    click.echo(f"{file}: {file.stat().st_size} bytes, {count} files")
    if settings.secret_key:
        click.echo("The backup does not contain CHROMI_SECRET_KEY. Back it up separately.", err=True)

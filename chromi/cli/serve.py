"""Commands that run the service: serve, web, worker."""

from __future__ import annotations

import os
import signal
import sys

import click

from chromi import create_app, log
from chromi.cli.instance_command import InstanceCommand
from chromi.config import Settings
from chromi.db import open_database
from chromi.errors import ConfigError
from chromi.jobs.queue import claim_files
from chromi.monitoring import supervisor
from chromi.process_hardening import require_sandbox
from chromi.storage import Bucket, Storage


@click.command(cls=InstanceCommand)
def serve() -> None:
    """Run the web server and the workers."""
    _supervise(with_web_server=True)


@click.command(cls=InstanceCommand)
def web() -> None:
    """Run only the web server.

    Jobs wait until a worker runs.
    """
    settings = _configure()
    from chromi.web.server.waitress_server import serve  # no other command needs Flask

    _wait_for_bucket(settings)
    serve(create_app(settings), settings)


@click.command(cls=InstanceCommand)
@click.option("--queues", metavar="NAMES", help="Comma-separated: convert, studio. Default: CHROMI_QUEUES.")
def worker(queues: str | None) -> None:
    """Run only the workers.

    Without the queue "convert", they do not start the cleanup, unless CHROMI_SCHEDULER is true.
    """
    if queues is not None:
        os.environ["CHROMI_QUEUES"] = queues  # also for the consumer's process
    _supervise(with_web_server=False)


def _supervise(*, with_web_server: bool) -> None:
    settings = _configure()
    if not with_web_server:
        _check_files_are_shared(settings)
    require_sandbox(settings)
    # Fail once instead of in each child process.
    open_database(settings.instance, settings.database_url)
    claim_files(settings, Storage(settings.instance, settings.storage_url))
    _wait_for_bucket(settings)
    sys.exit(supervisor.run(settings, with_web_server=with_web_server))


def _configure() -> Settings:
    """Configure the log and the folder for temporary files of a process that runs until SIGTERM.

    It ends on SIGTERM from now on. As PID 1 of a container, it would otherwise ignore the signal until the
    web server or the supervisor expects it.
    """
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(0))
    log.configure()
    settings = Settings.from_environ()
    spool = Storage(settings.instance).spool
    spool.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(spool)
    return settings


def _wait_for_bucket(settings: Settings) -> None:
    """Wait for the bucket, if there is one. The consumer cannot do it, because it forks.

    Raises ConfigError and ServiceUnhealthy.
    """
    if settings.storage_url:
        Bucket(settings.storage_url).wait_until_available()


def _check_files_are_shared(settings: Settings) -> None:
    """Raise ConfigError if the web server and the workers would not find each other's files."""
    if settings.database_url and not settings.storage_url:
        raise ConfigError(
            "With CHROMI_DATABASE_URL, the web server and the workers run separately only if "
            "CHROMI_STORAGE_URL is set, too. On one machine, use: python -m chromi serve."
        )

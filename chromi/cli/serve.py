"""Commands that run the service: serve, web."""

from __future__ import annotations

import sys

import click

from chromi import create_app, log
from chromi.cli.instance_command import InstanceCommand
from chromi.config import Settings
from chromi.db import open_database
from chromi.monitoring import supervisor
from chromi.process_hardening import require_sandbox


@click.command(cls=InstanceCommand)
def serve() -> None:
    """Run the web server and the job queue."""
    log.configure()
    settings = Settings.from_environ()
    require_sandbox(settings)
    open_database(settings.instance)  # fail once instead of in each child process
    sys.exit(supervisor.run(settings))


@click.command(cls=InstanceCommand)
def web() -> None:
    """Run only the web server.

    Conversions wait until a consumer runs: huey_consumer worker.huey.
    """
    from chromi.web.server.waitress_server import serve  # no other command needs Flask

    log.configure()
    settings = Settings.from_environ()
    serve(create_app(settings), settings)
